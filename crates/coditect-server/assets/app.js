// Keeps an open page up to date. Without it every page works; one reloads it by hand.
// What comes from outside is put in as text and never as markup; parts of pages are made by the server, which escapes.
"use strict";
(() => {
  const RECORDS = 300; // kept in an open page; older ones are a click away
  const status = document.getElementById("status");
  const say = (text) => { if (status && status.textContent !== text) status.textContent = text; };
  // What comes often is said now and then, with its newest text: who listens to the page is not talked to without a pause.
  let news = "", saying = 0;
  function sayNews(text) {
    news = text;
    if (!saying) saying = setTimeout(() => { saying = 0; say(news); }, 1500);
  }

  // Fetches the page again and puts its living parts in place of the old ones, unless somebody is typing in one.
  let isFetching = false, isWanted = false;
  async function renew() {
    if (isFetching) { isWanted = true; return; }
    isFetching = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", headers: { accept: "text/html" } });
      if (answer.status === 401 && document.body.dataset.user) { location.assign("/sign-in"); return; }
      if (answer.status === 401) { say("This server was started anew: open the address that `coditect ui` printed."); return; }
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const old of document.querySelectorAll("[data-live]")) {
        const now = fresh.getElementById(old.id);
        if (!now || old.contains(document.activeElement) || old.innerHTML === now.innerHTML) continue;
        for (const was of old.querySelectorAll("details[id]")) {
          const is = now.querySelector("#" + CSS.escape(was.id));
          if (is) is.open = was.open;
        }
        const places = [...old.querySelectorAll(".scroll")].map((part) => [part.scrollLeft, part.scrollTop]);
        old.replaceWith(document.adoptNode(now));
        [...now.querySelectorAll(".scroll")].forEach((part, i) => { if (places[i]) [part.scrollLeft, part.scrollTop] = places[i]; });
      }
      if (fresh.title) document.title = fresh.title;
      if (!fresh.body.dataset.events) document.getElementById("cancel")?.remove();
      slide();
    } catch { /* the server is gone, or stops: the event stream says so */ } finally {
      isFetching = false;
      if (isWanted) { isWanted = false; soon(); }
    }
  }
  let timer = 0;
  function soon() { if (!timer) timer = setTimeout(() => { timer = 0; renew(); }, 150); }

  // One record at the end of the timeline.
  function append(record) {
    const list = document.getElementById("records");
    if (!list || document.getElementById("r" + record.seq)) return;
    const part = (tag, kind, text) => { const one = document.createElement(tag); one.className = kind; one.textContent = text; return one; };
    const item = document.createElement("li");
    item.id = "r" + record.seq;
    const head = part("p", "dim", "");
    const link = part("a", "", String(record.seq));
    link.href = location.pathname + "?at=" + record.seq;
    head.append(link, " " + record.at + " UTC " + record.type);
    item.append(head);
    for (const line of record.lines) {
      const text = part("p", "text", "");
      if (line.task) text.append(part("span", "task", "t" + line.task), " ");
      text.append(part("span", "tells", line.tells), " " + line.text);
      item.append(text);
    }
    list.append(item);
    while (list.children.length > RECORDS) list.firstElementChild.remove();
  }

  // Follows a mission from the record behind the newest one that is here. A page that nobody looks at does not: a browser has
  // few connections to one server, and ten open pages would leave none to load the next.
  function follow(address) {
    let next = Number(new URL(address, location.href).searchParams.get("from")), events = null, isOver = false;
    const take = (event) => {
      const record = JSON.parse(event.data);
      next = record.seq + 1;
      append(record);
      const last = record.lines[record.lines.length - 1];
      sayNews("Record " + record.seq + ": " + (last ? last.text : record.type));
      soon();
    };
    function listen() {
      if (events || isOver || document.hidden) return;
      events = new EventSource(address.split("?")[0] + "?from=" + next);
      events.addEventListener("open", () => say("Live."));
      events.addEventListener("record", take);
      events.addEventListener("ended", (event) => { isOver = true; take(event); stop(); });
      events.addEventListener("error", () => {
        if (events && events.readyState !== EventSource.CLOSED) { say("The server does not answer; asking again."); return; }
        stop();
        say("Not live any more: reload the page.");
        renew();
      });
    }
    function stop() { if (events) { events.close(); events = null; } }
    document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else { listen(); soon(); } });
    window.addEventListener("pagehide", stop);
    window.addEventListener("pageshow", listen);
    listen();
  }

  // The slider goes where a finger or a mouse lets it go, and says meanwhile where that is; with keys one presses the button.
  function slide() {
    for (const form of document.querySelectorAll("form[data-slider]")) {
      const range = form.querySelector("input"), output = form.querySelector("output");
      range.oninput = () => { output.textContent = range.value; };
      range.onpointerup = () => { if (range.value !== range.defaultValue) form.requestSubmit(); };
    }
  }
  slide();
  if (document.body.dataset.events) follow(document.body.dataset.events);
  if (document.body.dataset.again) setInterval(() => { if (!document.hidden) renew(); }, Number(document.body.dataset.again));
})();
