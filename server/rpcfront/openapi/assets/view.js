// Shows one response at a time, while it arrives and when it has ended.

const EXTENSIONS = { [JSON_TYPE]: "json", [LINES_TYPE]: "ndjson", "text/plain": "txt" };

class ResponseView {
  constructor(name) {
    this.name = name;
    this.status = element("p", { role: "status" });
    this.reasons = element("div", {});
    this.call = element("code", {});
    this.text = element("pre", { tabindex: "0", role: "group", "aria-label": "Response body" });
    this.summary = element("span", { class: "note" });
    this.save = element("button", { type: "button", hidden: true }, "Save");
    this.headerLines = element("pre", { tabindex: "0", role: "group", "aria-label": "Response headers" });
    this.headers = element("details", { hidden: true }, element("summary", {}, "headers"), this.headerLines);
    this.details = element("div", { hidden: true }, element("p", {}, this.call), this.text,
      element("p", { class: "buttons" }, this.save, this.summary), this.headers);
    this.root = element("div", {}, this.status, this.reasons, this.details);
    this.save.addEventListener("click", () => this.offer());
  }

  // Sends the request and shows what comes back, for as long as this is the call to show.
  async follow(request, signal, isCurrent) {
    const started = performance.now();
    const took = () => `in ${Math.round(performance.now() - started).toLocaleString("en")} ms`;
    this.begin(request);
    try {
      const response = await fetch(request, { signal });
      if (!isCurrent()) return;
      this.head(response);
      await readBody(response, this.body, () => isCurrent() && this.show(false));
      if (!isCurrent()) return;
      this.show(true);
      this.end(response, took());
    } catch (error) {
      if (!isCurrent()) return;
      if (this.body !== null) this.show(true);
      if (signal.aborted) this.say("", "Stopped", ` ${took()}`);
      else this.say("failed", this.body === null ? "No response" : "The response ended early", `: ${error.message}`);
    }
  }

  begin(request) {
    this.body = null;
    this.call.textContent = `${request.method} ${request.url}`;
    this.text.textContent = "";
    this.text.hidden = true;
    this.details.hidden = true;
    this.reasons.replaceChildren();
    this.say("", "Waiting …");
  }

  head(response) {
    this.body = new ResponseBody(response.headers.get("content-type") ?? "");
    this.headerLines.textContent = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    this.headers.hidden = false;
    this.details.hidden = false;
    this.say("", statusLine(response), ", receiving …");
    this.show(false);
  }

  show(isOver) {
    const { text, body } = this;
    const shown = body.shown();
    const isAtEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 1;
    text.hidden = shown === "";
    if (text.textContent !== shown) text.textContent = shown;
    if (body.isLines && isAtEnd) text.scrollTop = text.scrollHeight;
    this.summary.textContent = body.summary(isOver);
    this.save.hidden = body.bytes === 0;
  }

  end(response, took) {
    const status = this.body.status(response.ok);
    this.say(response.ok && status === null ? "done" : "failed", statusLine(response), ` ${took}`);
    if (status !== null) this.reasons.replaceChildren(...reasonsOf(status));
  }

  say(kind, strong, rest = "") {
    this.status.className = kind;
    this.status.replaceChildren(element("strong", {}, strong), rest);
  }

  // Downloads what has been kept of the body.
  offer() {
    const url = URL.createObjectURL(this.body.blob());
    const extension = EXTENSIONS[this.body.type] ?? "bin";
    element("a", { href: url, download: `${this.name}.${extension}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000); // the download may not have begun yet
  }
}

// The message of a google.rpc.Status, and the fields that it complains of, unless the message names the only one.
function reasonsOf(status) {
  const details = Array.isArray(status.details) ? status.details : [];
  const violations = details.flatMap((detail) => detail?.fieldViolations ?? []);
  const lines = violations.map(({ field, description }) =>
    element("li", {}, field ? element("code", {}, String(field)) : null, field ? " " : null, String(description ?? "")));
  return [
    element("p", {}, String(status.message ?? "")),
    lines.length > 1 ? element("ul", {}, ...lines) : "",
  ];
}

function statusLine(response) {
  return `${response.status} ${response.statusText}`.trim();
}
