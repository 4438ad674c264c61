// "Try it": a form for an operation's parameters and body, and the response to them.

const JSON_TYPE = "application/json";

class Caller {
  constructor(schemas, base, token) {
    this.schemas = schemas;
    this.base = base;
    this.token = token;
  }

  form(id, method, path, operation) {
    const inputs = (operation.parameters ?? []).map((parameter) => this.parameter(id, parameter));
    const body = operation.requestBody === undefined ? null : this.body(id, operation.requestBody);
    const result = element("div", { "aria-live": "polite" });
    const form = element(
      "form",
      {},
      element("fieldset", {}, element("legend", {}, "Try it"), ...inputs.map(({ row }) => row), ...(body?.rows ?? []),
        element("button", {}, "Send")),
      result,
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      result.replaceChildren(element("p", {}, "Waiting …"));
      result.replaceChildren(...(await this.send(method, this.address(path, inputs), body)));
    });
    return form;
  }

  parameter(id, parameter) {
    const name = `${id}/${parameter.in}/${parameter.name}`;
    const isList = this.schemas.resolve(parameter.schema).type === "array";
    const example = parameter.required ? this.schemas.example(parameter.schema) : "";
    const input = element(isList ? "textarea" : "input", { id: name, required: parameter.required });
    input.value = typeof example === "string" ? example : JSON.stringify(example);
    const hint = isList ? "one a line" : "";
    const label = element("label", { for: name }, parameter.name, " ", element("small", {}, hint));
    return { parameter, isList, input, row: element("p", {}, label, input) };
  }

  body(id, requestBody) {
    const [type, { schema }] = Object.entries(requestBody.content)[0];
    const text = element("textarea", { id: `${id}/body`, class: "body", spellcheck: "false" });
    const kind = element("input", { id: `${id}/type`, value: type === "*/*" ? "text/plain" : type });
    if (type === JSON_TYPE) text.value = JSON.stringify(this.schemas.example(schema), null, 2);
    const rows = [element("p", {}, element("label", { for: text.id }, "Body"), text)];
    if (type !== JSON_TYPE) rows.unshift(element("p", {}, element("label", { for: kind.id }, "Content type"), kind));
    return { text, kind, rows };
  }

  address(path, inputs) {
    let filled = path;
    const query = new URLSearchParams();
    for (const { parameter, isList, input } of inputs) {
      if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, () => segment(parameter, input.value));
      else if (isList) input.value.split("\n").filter(Boolean).forEach((line) => query.append(parameter.name, line));
      else if (input.value !== "") query.append(parameter.name, input.value);
    }
    const url = new URL(filled.slice(1), this.base);
    url.search = query.toString();
    return url;
  }

  async send(method, url, body) {
    const headers = new Headers();
    if (this.token.value !== "") headers.set("authorization", `Bearer ${this.token.value}`);
    if (body !== null) headers.set("content-type", body.kind.value);
    const started = performance.now();
    try {
      const response = await fetch(url, { method, headers, body: body?.text.value, credentials: "omit" });
      const text = await response.text();
      return this.outcome(method, url, response, text, Math.round(performance.now() - started));
    } catch (error) {
      return [element("p", { class: "failed" }, `No answer: ${error.message}`)];
    }
  }

  outcome(method, url, response, text, milliseconds) {
    const status = `${response.status} ${response.statusText}`.trim();
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    return [
      element("p", { class: response.ok ? "done" : "failed" }, element("strong", {}, status), ` in ${milliseconds} ms`),
      element("p", {}, element("code", {}, `${method} ${url}`)),
      element("pre", { tabindex: "0", "aria-label": "Response body" }, pretty(text, response.headers.get("content-type"))),
      element("details", {}, element("summary", {}, "headers"), element("pre", {}, headers)),
    ];
  }
}

function segment(parameter, value) {
  const encoded = encodeURIComponent(value);
  return parameter["x-multi-segment"] ? encoded.replaceAll("%2F", "/") : encoded;
}

// Unchanged if it is no JSON. Numbers stay as they are written: some have more digits than a script can hold.
function pretty(text, type) {
  if (type !== JSON_TYPE || text === "") return text;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let depth = 0;
  let written = "";
  tokens.forEach((token, index) => {
    const isEmpty = /[{[]/.test(token) && /[}\]]/.test(tokens[index + 1]);
    if (/^[}\]]$/.test(token) && !/^[{[]$/.test(tokens[index - 1])) written += `\n${"  ".repeat((depth -= 1))}`;
    written += token === ":" ? ": " : token;
    if (/^[{[]$/.test(token) && !isEmpty) written += `\n${"  ".repeat((depth += 1))}`;
    if (token === ",") written += `\n${"  ".repeat(depth)}`;
  });
  return written;
}
