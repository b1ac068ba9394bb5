"use strict";
(() => {
  const root = document.documentElement;
  const one = (selector, scope = document) => scope.querySelector(selector);
  const all = (selector, scope = document) => [...scope.querySelectorAll(selector)];
  root.classList.add("js");

  // Light or dark: the system decides until the reader does.
  const theme = one("#theme");
  const stored = () => { try { return localStorage.getItem("smartlaunch-theme"); } catch { return null; } };
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const label = () => { theme.textContent = dark() ? "Light colours" : "Dark colours"; theme.setAttribute("aria-pressed", String(dark())); };
  if (stored()) root.dataset.theme = stored();
  label();
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("smartlaunch-theme", root.dataset.theme); } catch { /* a page from disk may have no storage */ }
    label();
  });

  // Filters.
  const matrix = one("#matrix");
  const matrixForm = one("#matrix-filter");
  const noun = (n, word) => `${n} ${word}${n === 1 ? "" : "s"} shown`;
  const filterMatrix = () => {
    const f = matrixForm.elements;
    const q = f.q.value.trim().toLowerCase();
    matrix.classList.toggle("all", f.all.checked);
    let shown = 0;
    for (const body of all("tbody", matrix)) {
      let inBody = 0;
      for (const row of all("tr:not(.doc)", body)) {
        const keep = (f.all.checked || !row.classList.contains("idle"))
          && (!f.document.value || body.dataset.doc === f.document.value)
          && (!f.strength.value || row.dataset.s === f.strength.value)
          && (!f.outcome.value || row.dataset.o.split(" ").includes(f.outcome.value))
          && (!q || row.firstElementChild.textContent.toLowerCase().includes(q));
        row.hidden = !keep;
        inBody += keep;
      }
      body.hidden = !inBody;
      shown += inBody;
    }
    one("output", matrixForm).value = noun(shown, "requirement");
  };
  const scenarioForm = one("#scenario-filter");
  const filterScenarios = () => {
    const f = scenarioForm.elements;
    const q = f.q.value.trim().toLowerCase();
    let shown = 0;
    for (const feature of all(".feature")) {
      let inFeature = 0;
      for (const rule of all(".rule", feature)) {
        let inRule = 0;
        for (const item of all(".scenario", rule)) {
          const keep = (!f.outcome.value || item.dataset.o === f.outcome.value)
            && (!f.suite.value || item.dataset.suite === f.suite.value)
            && (!f.group.value || feature.dataset.group === f.group.value)
            && (!f.side || !f.side.value || item.dataset.side.split(" ").includes(f.side.value))
            && (!q || (item.textContent + rule.firstElementChild.textContent).toLowerCase().includes(q));
          item.hidden = !keep;
          inRule += keep;
        }
        rule.hidden = !inRule;
        inFeature += inRule;
      }
      feature.hidden = !inFeature;
      shown += inFeature;
    }
    one("output", scenarioForm).value = noun(shown, "scenario");
  };
  // What is filtered stands in the address, behind the part of the page: #scenarios?outcome=failed, so that it can be sent to somebody.
  const forms = new Map([["requirements", [matrixForm, filterMatrix]], ["scenarios", [scenarioForm, filterScenarios]]]);
  const tell = (part, form) => {
    const chosen = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", `#${part}${chosen.size ? `?${chosen}` : ""}`);
  };
  const choose = (part, chosen) => {
    const [form, run] = forms.get(part);
    form.reset();
    for (const [name, value] of chosen) {
      const field = form.elements[name];
      if (field) field.type === "checkbox" ? (field.checked = true) : (field.value = value);
    }
    run();
  };
  for (const [part, [form, run]] of forms) {
    form.addEventListener("input", () => { run(); tell(part, form); });
    form.addEventListener("submit", (event) => event.preventDefault());
    run();
  }
  for (const link of all(".legend a[data-outcome]")) link.hash = `#scenarios?outcome=${link.dataset.outcome}`;
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    event.preventDefault();
    const part = one("#requirements").getBoundingClientRect();
    const form = part.top < innerHeight / 2 && part.bottom > innerHeight / 2 ? matrixForm : scenarioForm;
    form.elements.q.focus();
    form.elements.q.select();
    form.scrollIntoView({ block: "start" });
  });

  // Dates in the reader's own zone.
  for (const time of all("time[datetime]")) {
    time.title = time.textContent;
    time.textContent = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "long", timeStyle: "long" });
  }

  // One exchange in a dialog, built from text only: nothing a server sent is ever parsed as markup.
  // They come compressed and are unpacked while the reader reads; a browser too old for that says where they are.
  const data = { texts: [], rows: [] };
  const order = [];
  const position = new Map();
  const unpacked = (async () => {
    const packed = Uint8Array.from(atob(one("#data").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    Object.assign(data, JSON.parse(await new Response(stream).text()));
    for (const [id] of data.rows) { position.set(id, order.length); order.push(id); }
  })();
  unpacked.catch(() => {});
  const dialog = one("#exchange");
  const make = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  };
  const tidy = (text) => {
    const start = text.trimStart()[0];
    if (start !== "{" && start !== "[") return text;
    try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
  };
  const wire = (heading, first, headers, body, note) => {
    const section = make("section");
    section.append(make("p", heading, "cap"));
    const pre = make("pre");
    pre.tabIndex = 0;
    pre.append(make("b", first), "\n");
    for (const [k, v] of headers) pre.append(make("span", `${data.texts[k]}:`, "hn"), ` ${data.texts[v]}\n`);
    if (body) pre.append("\n", tidy(body));
    if (note) pre.append("\n", make("em", note));
    section.append(pre);
    return section;
  };
  let shownId = "";
  const unreadable = (id) => {
    shownId = id;
    one("#exchange-h").textContent = id;
    one(".body", dialog).replaceChildren(make("p", "This browser cannot unpack the exchanges of this page. They are in run.har.gz beside it, and in run.json."));
    for (const button of all("[data-go]", dialog)) button.disabled = true;
    if (!dialog.open) dialog.showModal();
  };
  // The exchanges of a scenario are written as ranges; whoever opens it gets a link for each.
  const idsOf = (text) => text.split(", ").filter(Boolean).flatMap((part) => {
    const [first, last] = part.split(" to ");
    if (!last) return [first];
    const length = first.length - 1;
    return Array.from({ length: Number(last.slice(1)) - Number(first.slice(1)) + 1 }, (_, i) => first[0] + String(Number(first.slice(1)) + i).padStart(length, "0"));
  });
  const chips = async (scenario) => {
    const place = one(".xs:not(.linked)", scenario);
    if (!place) return;
    place.classList.add("linked");
    try { await unpacked; } catch { return; }
    place.replaceChildren(...idsOf(place.textContent).flatMap((id) => {
      const row = data.rows[position.get(id)];
      const link = make("a", undefined, "x");
      link.href = `#${id}`;
      link.append(make("b", id), row ? ` ${row[2]} ${row[9] || "no answer"}` : "");
      return [link, " "];
    }));
  };
  document.addEventListener("toggle", (event) => { if (event.target.open && event.target.matches(".scenario")) chips(event.target); }, true);
  const show = (id) => {
    const [x, actor, endpoint, started, ms, method, url, rqh, rqb, status, reason, version, rsh, rsb, whole, truncated, error, after, tls, ids, curl] = data.rows[position.get(id)];
    shownId = x;
    one("#exchange-h").textContent = `${x}  ${method} ${endpoint}`;
    const body = one(".body", dialog);
    body.replaceChildren();
    const facts = [`sent by the ${actor}`, started, `${ms} ms`, tls, after && `redirect of ${after}`].filter(Boolean);
    body.append(make("p", facts.join(" · "), "dim"));
    const note = [whole ? `cut here; ${whole} characters in run.json` : "", truncated ? "the body went over the limit when it was received" : ""].filter(Boolean).join("; ");
    const both = make("div", undefined, "wire");
    both.append(wire("Request", `${method} ${data.texts[url]}`, rqh, data.texts[rqb], ""));
    both.append(wire("Response", status ? `${version} ${status} ${reason}`.trim() : error, rsh, data.texts[rsb], note));
    body.append(both);
    const correlation = Object.entries(ids);
    if (correlation.length) body.append(make("p", `For the vendor's support: ${correlation.map((p) => p.join(" ")).join(", ")}`, "small"));
    if (data.texts[curl]) {
      const box = make("div", undefined, "curl");
      const pre = make("pre", data.texts[curl]);
      pre.tabIndex = 0;
      const button = make("button", "Copy curl line", "copy");
      button.type = "button";
      button.dataset.copy = "";
      box.append(pre, button);
      body.append(box);
    }
    one("[data-go='-1']", dialog).disabled = position.get(id) === 0;
    one("[data-go='1']", dialog).disabled = position.get(id) === order.length - 1;
    if (!dialog.open) { dialog.showModal(); }
    one("#exchange-h").focus();
    body.scrollTop = 0;
  };
  const leave = () => history.replaceState(null, "", location.pathname + location.search);
  dialog.addEventListener("close", () => { if (location.hash === `#${shownId}`) leave(); });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) return dialog.close();
    const go = event.target.closest("[data-go]");
    if (go) {
      const next = order[position.get(shownId) + Number(go.dataset.go)];
      if (next) { history.replaceState(null, "", `#${next}`); show(next); }
    }
  });

  // Copying, also where a page from disk may not use the clipboard.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const pre = one("pre", button.parentElement);
    const words = button.dataset.label || "Copy curl line";
    const select = () => getSelection().selectAllChildren(pre);
    try { await navigator.clipboard.writeText(pre.textContent); button.textContent = "Copied"; } catch { select(); button.textContent = "Selected, press Ctrl+C"; }
    setTimeout(() => { button.textContent = words; }, 2500);
  });

  // A link into the page opens what it points at; a second use of the same link works too.
  const follow = async () => {
    const hash = location.hash;
    const [id, chosen] = hash.slice(1).split("?", 2).map(decodeURIComponent);
    if (forms.has(id) && chosen !== undefined) choose(id, new URLSearchParams(hash.split("?", 2)[1]));
    if (id && !document.getElementById(id)) {
      try { await unpacked; } catch { return /^x\d+$/.test(id) ? unreadable(id) : undefined; }
      if (location.hash !== hash) return;
    }
    if (position.has(id)) return show(id);
    if (dialog.open) dialog.close();
    const target = id && document.getElementById(id);
    if (!target) return;
    if (target.matches(".scenario") && (target.hidden || target.closest("[hidden]"))) { scenarioForm.reset(); filterScenarios(); }
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    target.scrollIntoView();
    const summary = target.tagName === "DETAILS" && one("summary", target);
    if (summary) summary.focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash && link.hash === location.hash) follow();
  });
  if (location.hash) follow();

  // Where the reader is.
  const links = new Map(all(".side nav a").map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const a of links.values()) a.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const id of links.keys()) { const node = document.getElementById(id); if (node && id !== "main") seen.observe(node); }

  // On a narrow screen a launch reads as a list; its diagram needs more room.
  if (matchMedia("(max-width: 44rem)").matches) for (const d of all(".launch > .message")) d.open = true;

  // Paper has no disclosure triangles: open what was found.
  addEventListener("beforeprint", () => { for (const d of all(".cause, .cause details, #not-judged details")) d.open = true; });
})();
