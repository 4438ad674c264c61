// "Try it": a form for an operation's parameters and body, and the response to them.

// Of a route for any method, these can be called; OPTIONS is answered by the server itself.
const ANY_METHOD = "*";
const COMMON_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
// What fetch refuses.
const BODILESS_METHODS = new Set(["GET", "HEAD"]);
const FORBIDDEN_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

class Caller {
  constructor(schemas, base, token) {
    this.schemas = schemas;
    this.base = base;
    this.token = token;
  }

  form(found) {
    return new CallForm(this, found).form;
  }
}

class CallForm {
  constructor({ schemas, base, token }, { id, path, method, operation, parameters }) {
    this.schemas = schemas;
    this.base = base;
    this.token = token;
    this.id = id;
    this.path = path;
    this.fields = parameters.filter((parameter) => /^(path|query)$/.test(parameter.in)).map((it) => this.field(it));
    this.body = operation.requestBody === undefined ? null : this.bodyFields(operation.requestBody);
    this.method = this.methodField(method);
    this.more = this.moreQuery();
    this.problem = element("p", { class: "problem", role: "alert" });
    this.stop = element("button", { type: "button", hidden: true }, "Stop");
    this.view = new ResponseView(id);
    const send = element("button", { disabled: FORBIDDEN_METHODS.has(method) }, "Send");
    if (FORBIDDEN_METHODS.has(method)) this.problem.append(`A browser cannot send ${method}. Other clients can.`);
    const fields = [this.method.row, ...this.fields.map(({ row }) => row), this.more?.row, ...(this.body?.rows ?? [])];
    this.form = element(
      "form",
      { novalidate: true },
      element("fieldset", {}, element("legend", {}, "Try it"), ...fields, this.problem,
        element("p", { class: "buttons" }, send, this.stop)),
      this.view.root,
    );
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.stop.addEventListener("click", () => {
      send.focus();
      this.running?.abort();
    });
    this.method.input.addEventListener("change", () => this.showBody());
    this.showBody();
  }

  field(parameter) {
    const isList = [this.schemas.resolve(parameter.schema).type].flat().includes("array");
    const example = parameter.required && !takesMany(parameter) ? this.schemas.example(parameter.schema) : "";
    const value = typeof example === "string" ? example : JSON.stringify(example);
    const hints = { path: takesMany(parameter) ? "any number of segments" : "", query: isList ? "one a line" : "" };
    const hint = [hints[parameter.in], parameter.required && !takesMany(parameter) ? "required" : ""].filter(Boolean);
    const id = `${this.id}/${parameter.in}/${parameter.name}`;
    return { parameter, isList, ...labelled(isList ? "textarea" : "input", id, parameter.name, hint.join(", "), value) };
  }

  methodField(method) {
    const isAny = method === ANY_METHOD;
    const made = labelled(isAny ? "select" : "input", `${this.id}/method`, "Method", "", isAny ? "" : method);
    if (isAny) {
      made.input.append(...COMMON_METHODS.map((name) => element("option", {}, name)));
      made.input.value = this.body === null ? "GET" : "POST";
    }
    made.row.hidden = !isAny;
    return made;
  }

  // For fields that are not in the document, such as those of a message inside itself. Where the whole message is the
  // body, a query is refused.
  moreQuery() {
    if (this.body !== null && !this.fields.some(isOf("query"))) return null;
    const made = labelled("textarea", `${this.id}/more`, "Other query parameters", "name=value, one a line", "");
    return { input: made.input, row: element("details", {}, element("summary", {}, "more parameters"), made.row) };
  }

  bodyFields(reference) {
    const [type, content] = Object.entries(this.schemas.api.resolve(reference).content ?? {})[0] ?? ["*/*", {}];
    const text = labelled("textarea", `${this.id}/body`, "Body", "", "");
    text.input.className = "body";
    if (type === JSON_TYPE) text.input.value = JSON.stringify(this.schemas.example(content.schema), null, 2);
    const kind = labelled("input", `${this.id}/type`, "Content type", "", type === "*/*" ? "text/plain" : type);
    const file = labelled("input", `${this.id}/file`, "File", "sent instead of the text", "");
    file.input.type = "file";
    const note = element("p", { class: "note" }, "A browser sends no body with this method, so none is sent. Other clients can.");
    const raw = type === JSON_TYPE ? [] : [kind.row, file.row];
    return { kind: kind.input, text: text.input, file: file.input, note, sent: [text.row, ...raw], rows: [text.row, ...raw, note] };
  }

  showBody() {
    if (this.body === null) return;
    const isSent = !BODILESS_METHODS.has(this.method.input.value);
    for (const row of this.body.sent) row.hidden = !isSent;
    this.body.note.hidden = isSent;
  }

  // Throws Unsendable.
  request() {
    const url = addressOf(this.base, this.path, this.fields, this.more?.input.value ?? "");
    const method = this.method.input.value;
    const headers = new Headers(authorization(this.token));
    let body;
    if (this.body !== null && !BODILESS_METHODS.has(method)) {
      body = this.body.file.files?.[0] ?? this.body.text.value;
      try {
        headers.set("content-type", this.body.kind.value);
      } catch {
        throw new Unsendable({ input: this.body.kind }, "A content type has ASCII characters only.");
      }
    }
    return new Request(url, { method, headers, body, credentials: "omit", cache: "no-store" });
  }

  // Sends the call, and ends one that is still running.
  async send() {
    this.running?.abort();
    this.clearProblems();
    let request;
    try {
      request = this.request();
    } catch (error) {
      this.showProblem(error);
      return;
    }
    const running = new AbortController();
    this.running = running;
    this.stop.hidden = false;
    await this.view.follow(request, running.signal, () => this.running === running);
    if (this.running === running) this.stop.hidden = true;
  }

  clearProblems() {
    const inputs = [...this.fields.map(({ input }) => input), this.body?.kind, this.token];
    for (const input of inputs.filter((each) => each?.isConnected)) showInvalid(input, "");
    this.problem.textContent = "";
  }

  showProblem(error) {
    const input = error.field?.input;
    if (!(error instanceof Unsendable) || input === undefined) {
      this.problem.textContent = error.message;
      return;
    }
    showInvalid(input, error.message);
    input.focus();
  }
}

// Returns the header for a token. Throws Unsendable.
function authorization(token) {
  const text = token.value.trim();
  if (/[^\x21-\x7e]/.test(text)) throw new Unsendable({ input: token }, "A token has ASCII characters only, and no spaces.");
  return text === "" ? {} : { authorization: `Bearer ${text}` };
}

// Makes an input with its label, and room beside it for what is wrong with it.
function labelled(kind, id, name, hint, value) {
  const problem = element("span", { id: `${id}/problem`, class: "problem", role: "alert" });
  const input = element(kind, { id, "aria-describedby": problem.id, spellcheck: "false", autocomplete: "off" });
  if (value !== "") input.value = value;
  const label = element("label", { for: id }, name, hint === "" ? "" : " ", element("small", {}, hint));
  return { input, row: element("p", {}, label, input, problem) };
}

function showInvalid(input, reason) {
  if (reason === "") input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
  // Of what describes an input, the last is what is wrong with it.
  document.getElementById(input.getAttribute("aria-describedby").split(" ").at(-1)).textContent = reason;
}
