use coditect_types::model::{Message, Speaker};

use super::*;

/// A server of chat completions that dies after its second answer, and with its standard input.
const SERVER: &str = r#"
import http.server, json, os, sys, threading
key = "Bearer " + os.environ["LLAMA_API_KEY"]
assert not any(name.startswith("CARGO") for name in os.environ), "what these tests were started with is not its business"
answers = 0
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def say(self, body):
        self.send_response(200); self.send_header("content-type", "application/json"); self.end_headers()
        self.wfile.write(json.dumps(body).encode())
    def do_GET(self):
        if self.headers["authorization"] != key: return self.send_error(401)
        self.say({"data": [{"id": "m"}]})
    def do_POST(self):
        global answers
        self.rfile.read(int(self.headers["content-length"]))
        answers += 1
        self.say({"choices": [{"message": {"content": "%d of %d" % (answers, os.getpid())}, "finish_reason": "stop"}]})
        if answers == 2: self.wfile.flush(); os._exit(3)
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["CODITECT_MODEL_PORT"])), H)
threading.Thread(target=server.serve_forever, daemon=True).start()
open(sys.argv[1], "w").write(str(os.getpid()))
sys.stdin.read()
open(sys.argv[1], "w").write("gone")
"#;

fn ask(model: &Served) -> Result<ModelReply, ModelError> {
    let request = ModelRequest {
        system: String::new(),
        messages: vec![Message { speaker: Speaker::User, text: "well?".into() }],
        stable: 1,
        output_tokens: 100,
        temperature: 0,
        seed: 0,
        schema: None,
    };
    model.answer(&request, &CallLimits::default(), &Stop::new(), &mut |_| {})
}

fn served(dir: &std::path::Path, script: &str) -> Served {
    let mark = dir.join("mark").to_str().unwrap().to_owned();
    let argv = vec!["python3".into(), "-c".into(), script.into(), mark];
    let (name, log) = ("mine".into(), dir.join("logs/mine.log"));
    let variables = std::env::var_os("PATH").map(|path| ("PATH".into(), path)).into_iter().collect();
    Served::new(Launch { name, argv, log, context_tokens: 4_096, variables })
}

#[test]
fn it_is_started_once_and_again_where_it_died_and_goes_with_us() {
    let dir = tempfile::tempdir().unwrap();
    let model = served(dir.path(), SERVER);
    assert!(!dir.path().join("mark").exists(), "nothing is started before it is needed");
    let said: Vec<String> = (0..2).map(|_| ask(&model).unwrap().text).collect();
    assert!(said[0].starts_with("1 of") && said[1].starts_with("2 of"), "{said:?}");
    // The next one may meet the old server on its way out.
    let third = ask(&model).or_else(|_| ask(&model)).unwrap().text;
    assert!(third.starts_with("1 of") && third[5..] != said[0][5..], "{third}");
    drop(model);
    assert_eq!(fs::read_to_string(dir.path().join("mark")).unwrap(), "gone");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let error = ask(&served(dir.path(), "import sys; sys.exit('no such model')")).unwrap_err().error;
    assert!(error.kind == ErrorKind::Unavailable && error.cause.contains("no such model"), "{error:?}");
    let none = Served::new(Launch {
        name: "mine".into(),
        argv: vec!["/no/such/program".into()],
        log: dir.path().join("log"),
        context_tokens: 4_096,
        variables: Vec::new(),
    });
    assert_eq!(ask(&none).unwrap_err().error.kind, ErrorKind::NotFound);
}
