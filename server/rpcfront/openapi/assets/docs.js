// The page: fetches the document from the path beside it and shows its operations by tag.

const OTHER_METHODS = "x-additional-operations";
const byId = (id) => document.getElementById(id);

function* operationsOf(api) {
  for (const [path, { [OTHER_METHODS]: others, ...item }] of Object.entries(api.paths)) {
    for (const [method, operation] of [...Object.entries(item), ...Object.entries(others ?? {})]) {
      yield { path, method: method.toUpperCase(), operation };
    }
  }
}

function show(api, base) {
  const schemas = new Schemas(api);
  const caller = new Caller(schemas, base, byId("token"));
  const all = [...operationsOf(api)];
  document.title = api.info.title;
  byId("title").textContent = api.info.title;
  byId("version").textContent = api.info.version;
  byId("about").append(...prose(api.info.description));
  byId("token-field").hidden = api.security === undefined;
  byId("contents").append(element("ul", {}, ...api.tags.map((tag) => contents(tag, all))));
  byId("operations").replaceChildren(...api.tags.map((tag) => section(api, tag, all, schemas, caller)));
  openNamed();
}

function ofTag(tag, all) {
  return all.filter(({ operation }) => operation.tags.includes(tag.name));
}

function contents(tag, all) {
  const links = ofTag(tag, all).map(({ path, method, operation }) =>
    element("li", {}, element("a", { href: `#${operation.operationId}` }, element("span", { class: "method" }, method),
      element("span", { class: "path" }, path))),
  );
  return element("li", {}, tag.name, element("ul", {}, ...links));
}

function section(api, tag, all, schemas, caller) {
  const shown = ofTag(tag, all).map((found) => operationDetails(api, found, schemas, caller));
  return element("section", {}, element("h2", {}, shortName(tag.name)), ...prose(tag.description), ...shown);
}

function operationDetails(api, { path, method, operation }, schemas, caller) {
  const id = operation.operationId;
  const summary = element("summary", {}, element("span", { class: "method" }, method),
    element("span", { class: "path" }, path), ` ${operation.summary}`);
  const details = element("details", { id, class: operation.deprecated ? "operation deprecated" : "operation" }, summary);
  details.addEventListener("toggle", () => details.append(inside(api, { path, method, operation }, schemas, caller)), {
    once: true,
  });
  return details;
}

function inside(api, { path, method, operation }, schemas, caller) {
  return element(
    "div",
    {},
    ...prose(operation.description),
    ...parameterList(operation.parameters ?? [], schemas),
    ...bodyOf("Request body", operation.requestBody, schemas),
    ...responseLists(api, operation.responses, schemas),
    caller.form(operation.operationId, method, path, operation),
  );
}

function parameterList(parameters, schemas) {
  if (parameters.length === 0) return [];
  const rows = parameters.map(({ name, in: where, required, schema, description, deprecated }) =>
    schemas.member(`${name} (${where})`, { ...schema, description, deprecated }, required),
  );
  return [element("h3", {}, "Parameters"), element("ul", { class: "members" }, ...rows)];
}

function bodyOf(heading, body, schemas) {
  if (body === undefined) return [];
  return [element("h3", {}, heading), ...prose(body.description), ...content(body, schemas)];
}

function content(holder, schemas) {
  return Object.entries(holder.content ?? {}).map(([type, { schema }]) =>
    element("div", {}, element("code", {}, type), ` ${schemas.words(schema)}`, schemas.deeper(schema, true)),
  );
}

// All errors have one form, so it is shown only once.
function responseLists(api, responses, schemas) {
  const all = Object.entries(responses).map(([status, response]) => [status, resolveResponse(api, response)]);
  const isError = ([status]) => !status.startsWith("2");
  const errors = all.filter(isError);
  const succeeded = all.filter((entry) => !isError(entry)).map(([status, response]) =>
    responseItem(status, response, ...content(response, schemas)));
  return [
    element("h3", {}, "Response"),
    element("ul", { class: "members" }, ...succeeded),
    element("details", {}, element("summary", {}, "Errors"),
      element("ul", { class: "members" }, ...errors.map(([status, response]) => responseItem(status, response))),
      ...content(errors.at(-1)?.[1] ?? {}, schemas)),
  ];
}

function responseItem(status, response, ...rest) {
  const headers = Object.entries(response.headers ?? {}).map(([name, { description }]) =>
    element("p", { class: "note" }, element("code", {}, name), " ", ...phrases(description)),
  );
  return element("li", {}, element("strong", {}, status), ...prose(response.description), ...headers, ...rest);
}

function resolveResponse(api, response) {
  return response.$ref === undefined ? response : api.components.responses[componentName(response.$ref)];
}

function openNamed() {
  const named = byId(decodeURIComponent(location.hash.slice(1)));
  if (named?.tagName !== "DETAILS") return;
  named.open = true;
  named.scrollIntoView();
}

addEventListener("hashchange", openNamed);
const address = new URL("./openapi.json", location.href);
try {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  show(await response.json(), new URL(".", address));
} catch (error) {
  byId("operations").replaceChildren(
    element("p", { role: "alert", class: "failed" }, `${address} cannot be shown: ${error.message}`));
}
