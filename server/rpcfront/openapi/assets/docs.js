// The page: fetches the document from the path beside it, with a token if need be, and shows its operations by tag.

const byId = (id) => document.getElementById(id);
const token = byId("token");
const loading = byId("loading");
const address = new URL("./openapi.json", location.href);

class Page {
  constructor(api) {
    this.api = api;
    this.schemas = new Schemas(api);
    this.caller = new Caller(this.schemas, new URL(".", address), token);
  }

  show() {
    const { api } = this;
    const { info, security } = api.document;
    document.title = api.title;
    byId("title").textContent = api.title;
    byId("version").textContent = info?.version ?? "";
    byId("about").replaceChildren(...prose(info?.description));
    if (security !== undefined) byId("access").hidden = false;
    const tags = [...api.tags()];
    byId("contents").replaceChildren(element("ul", {}, ...tags.map((tag) => this.contents(tag))));
    byId("operations").replaceChildren(...tags.map((tag) => this.section(tag)));
    openNamed();
  }

  contents({ name, operations }) {
    const links = operations.map(({ id, path, method }) =>
      element("li", {}, element("a", { href: `#${encodeURIComponent(id)}` }, element("span", { class: "method" }, method),
        " ", pathText(path))),
    );
    return element("li", {}, element("span", { class: "tag" }, name), element("ul", {}, ...links));
  }

  section({ name, description, operations }) {
    const shown = operations.map((found) => this.operation(found));
    return element("section", {}, element("h2", {}, shortName(name)), ...prose(description), ...shown);
  }

  operation(found) {
    const { id, path, method, operation } = found;
    const summary = element("summary", {}, element("span", { class: "method" }, method), " ", pathText(path), " ",
      element("span", { class: "summary" }, operation.summary));
    const kind = operation.deprecated ? "operation deprecated" : "operation";
    const details = element("details", { id, class: kind }, summary);
    details.addEventListener("toggle", () => details.append(this.inside(found)), { once: true });
    return details;
  }

  // What cannot be shown of one operation must not hide the others.
  inside(found) {
    try {
      return element("div", {}, ...this.parts(found));
    } catch (error) {
      return element("p", { role: "alert", class: "failed" }, `This operation cannot be shown: ${error.message}`);
    }
  }

  parts(found) {
    const { operation, parameters } = found;
    return [
      ...prose(operation.description),
      ...this.parameterList(parameters),
      ...this.requestBody(operation.requestBody),
      ...this.responses(Object.entries(operation.responses ?? {})),
      this.caller.form(found),
    ];
  }

  parameterList(parameters) {
    if (parameters.length === 0) return [];
    const rows = parameters.map(({ name, in: where, required, schema, description, deprecated }) =>
      this.schemas.member(`${name} (${where})`, { ...schema, description, deprecated }, required),
    );
    return [element("h3", {}, "Parameters"), element("ul", { class: "members" }, ...rows)];
  }

  requestBody(reference) {
    if (reference === undefined) return [];
    const body = this.api.resolve(reference);
    return [element("h3", {}, "Request body"), ...prose(body.description), ...this.content(body)];
  }

  content(holder) {
    return Object.entries(holder.content ?? {}).map(([type, { schema }]) =>
      element("div", {}, element("code", {}, type), ` ${this.schemas.words(schema ?? {})}`,
        this.schemas.deeper(schema ?? {}, true)),
    );
  }

  // All errors have one form, so it is shown only once.
  responses(entries) {
    const all = entries.map(([status, reference]) => [status, this.api.resolve(reference)]);
    const isError = ([status]) => !status.startsWith("2");
    const errors = all.filter(isError);
    const succeeded = all.filter((entry) => !isError(entry)).map(([status, response]) =>
      responseItem(status, response, ...this.content(response)));
    return [
      element("h3", {}, "Response"),
      element("ul", { class: "members" }, ...succeeded),
      element("details", {}, element("summary", {}, "Errors"),
        element("ul", { class: "members" }, ...errors.map(([status, response]) => responseItem(status, response))),
        ...this.content(errors.at(-1)?.[1] ?? {})),
    ];
  }
}

function responseItem(status, response, ...rest) {
  const headers = Object.entries(response.headers ?? {}).map(([name, { description }]) =>
    element("p", { class: "note" }, element("code", {}, name), " ", ...phrases(description ?? "")),
  );
  return element("li", {}, element("strong", {}, status), ...prose(response.description), ...headers, ...rest);
}

// Opens what the anchor names. It may be anything: a reader can type it.
function openNamed() {
  let id;
  try {
    id = decodeURIComponent(location.hash.slice(1));
  } catch {
    return;
  }
  const named = byId(id);
  if (!named?.classList.contains("operation")) return;
  named.open = true;
  named.scrollIntoView();
}

// The document, or what has become of the attempt to read it.
async function load() {
  say("", "Loading …");
  showInvalid(token, "");
  try {
    const response = await fetch(address, { headers: authorization(token) });
    if (response.ok) {
      const body = await response.blob();
      const page = new Page(new Api(JSON.parse(await body.text())));
      if (isLocked) offerDocument(body);
      page.show();
      byId("unlock").hidden = true;
      return;
    }
    const status = parsed(await response.text());
    const reason = `${response.status} ${status?.message ?? response.statusText}`;
    if (response.status !== 401 && response.status !== 403) throw new Error(reason);
    askForToken(reason);
  } catch (error) {
    if (error instanceof Unsendable) showInvalid(token, error.message);
    say("failed", `${address} cannot be shown: ${error.message}`);
  }
}

function say(kind, text) {
  loading.className = kind;
  loading.textContent = text;
  if (!loading.isConnected) byId("operations").replaceChildren(loading);
}

// A browser opens the page without a token, so the page is public where the document is not.
let isLocked = false;
function askForToken(reason) {
  byId("access").hidden = false;
  byId("unlock").hidden = false;
  byId("document").hidden = true;
  if (isLocked) say("failed", `This token does not open the description of the API: ${reason}`);
  else say("", "The description of this API is not public. Enter a token that may read it.");
  isLocked = true;
  token.focus();
}

// A link would be followed without the token.
function offerDocument(body) {
  const link = byId("document");
  link.href = URL.createObjectURL(body);
  link.download = "openapi.json";
  link.hidden = false;
}

byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!byId("unlock").hidden) load();
});
byId("contents").addEventListener("click", (event) => {
  // An anchor that is named already changes nothing, and opens what was closed since.
  if (event.target.closest("a")?.hash === location.hash) openNamed();
});
addEventListener("hashchange", openNamed);
await load();
