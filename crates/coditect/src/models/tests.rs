use coditect_types::{Policy, Rung};

use super::*;

fn tables(text: &str) -> Tables {
    toml::from_str(text).unwrap()
}

#[test]
fn a_provider_and_its_model_need_no_table() {
    let found = known("ollama/qwen2.5-coder:1.5b", &Tables::new()).unwrap();
    assert_eq!((found.url.as_str(), found.model.as_str()), ("http://127.0.0.1:11434", "qwen2.5-coder:1.5b"));
    assert_eq!((found.is_here, found.is_priced, found.key_env), (true, true, None));
    assert_eq!(found.spec.rung, Rung::SmallModel);
    let cloud = known("openrouter/qwen/qwen3-coder", &Tables::new()).unwrap();
    assert_eq!(
        (cloud.model.as_str(), cloud.key_env.as_deref()),
        ("qwen/qwen3-coder", Some("OPENROUTER_API_KEY"))
    );
    assert_eq!((cloud.is_here, cloud.is_priced, cloud.spec.rung), (false, false, Rung::LargeModel));
}

#[test]
fn a_table_says_the_rest() {
    let mine = tables(
        "[mine]\nurl = \"https://models.example/v1\"\nmodel = \"coder\"\nsize = \"small\"\nusd_per_mtok_in = 0.15\n\
         usd_per_mtok_out = 0.6\ncontext_tokens = 32768\n",
    );
    let found = known("mine", &mine).unwrap();
    assert_eq!((found.model.as_str(), found.spec.context_tokens, found.is_priced), ("coder", 32_768, true));
    assert_eq!((found.spec.price.tokens_in, found.spec.price.tokens_out), (150_000, 600_000));
    assert_eq!(found.key_env, None, "an address of one's own gets no provider's key");
}

#[test]
fn what_is_wrong_is_told() {
    for (text, cause) in [
        ("[m]\n", "no table and no provider"),
        ("[m]\nurl = \"ftp://x\"\n", "no address"),
        ("[m]\nprovider = \"nobody\"\n", "no provider `nobody`"),
        ("[m]\nurl = \"http://x/v1\"\napi_key_env = \"K\"\n", "unencrypted"),
        ("[m]\nurl = \"https://x\"\nsize = \"huge\"\n", "neither small nor large"),
        ("[m]\nurl = \"https://x\"\nprotocol = \"soap\"\n", "none of the protocols"),
        ("[m]\nurl = \"https://x\"\nusd_per_mtok_in = -1.0\n", "no price"),
        ("[m]\nurl = \"https://x\"\ncontext_tokens = 10\n", "leaves no room"),
    ] {
        let report = known("m", &tables(text)).unwrap_err();
        assert!(report.cause.contains(cause), "{text}: {}", report.cause);
    }
    let slip = toml::from_str::<Tables>("[m]\napi_key = \"sk-1\"\n");
    assert!(slip.is_err(), "a key does not stand in a file");
}

#[test]
fn a_key_comes_from_a_variable_or_a_command_and_is_never_shown() {
    let env = Environment::of(&[("KEY_OF_MINE", "sk-secret-1")]);
    let from = |line: &str| {
        let text =
            format!("[m]\nurl = \"https://x/v1\"\nusd_per_mtok_in = 0.0\nusd_per_mtok_out = 0.0\n{line}\n");
        known("m", &tables(&text)).unwrap().endpoint(&env)
    };
    let read = from("api_key_env = \"KEY_OF_MINE\"").unwrap();
    assert!(!format!("{read:?}").contains("sk-secret"));
    assert_eq!(read.key, Secret::new("sk-secret-1"));
    assert_eq!(from("api_key_command = \"echo sk-secret-2\"").unwrap().key, Secret::new("sk-secret-2"));
    for line in ["api_key_env = \"NO_SUCH\"", "api_key_command = \"false\"", "api_key_command = \"/no/such\""]
    {
        assert_eq!(from(line).unwrap_err().kind, ErrorKind::Denied, "{line}");
    }
}

#[test]
fn a_keyring_is_asked_by_the_systems_own_command() {
    let mine = tables("[m]\nurl = \"https://x/v1\"\napi_key_keyring = \"o'hara\"\n");
    let found = known("m", &mine).unwrap();
    let argv = words::split(&found.key_command.unwrap()).unwrap();
    assert_eq!((argv.last().unwrap().as_str(), found.key_env), ("o'hara", None));
    assert!(argv.contains(&"coditect".to_owned()));
}

#[test]
fn each_provider_is_spoken_to_in_its_own_way() {
    let protocol = |name: &str, text: &str| known(name, &tables(text)).unwrap().protocol;
    assert_eq!(protocol("openai/gpt-5", ""), Protocol::Responses);
    assert_eq!(protocol("gemini/gemini-2.5-flash", ""), Protocol::Gemini);
    assert_eq!(protocol("ollama/qwen", ""), Protocol::Ollama);
    let completions = "[m]\nprovider = \"ollama\"\nurl = \"http://127.0.0.1:11434/v1/\"\n";
    assert_eq!(protocol("m", completions), Protocol::Chat, "the address of its completions is known");
    assert_eq!(protocol("m", "[m]\nprovider = \"openai\"\nprotocol = \"chat\"\n"), Protocol::Chat);
}

#[test]
fn without_a_price_there_is_no_budget_of_money() {
    let env = Environment::of(&[("OPENAI_API_KEY", "sk-secret-1")]);
    let settings = crate::settings::load(&Default::default(), &env, Path::new("/")).unwrap().settings;
    let tapes = TapeFlags::default();
    let choice = Choice {
        settings: &settings,
        tapes: &tapes,
        cache: Path::new("/nowhere"),
        home: Path::new("/nowhere"),
        env: &env,
    };
    let report = choice.of(&["openai/gpt".to_owned()], &mut Policy::default()).unwrap_err();
    assert!(report.cause.contains("what it costs is not known"));
}

#[test]
fn addresses_of_this_machine() {
    for (url, here) in [
        ("http://127.0.0.1:8080/v1", true),
        ("http://localhost/v1", true),
        ("http://[::1]:8080/v1", true),
        ("http://127.0.0.1.evil.example/v1", false),
        ("https://localhost.example/v1", false),
        ("http://10.0.0.1/v1", false),
        // What stands before an `@` is no host.
        ("http://127.0.0.1:80@evil.example/v1", false),
        ("http://localhost@evil.example/v1", false),
        ("nonsense", false),
    ] {
        assert_eq!(is_loopback(url), here, "{url}");
    }
}
