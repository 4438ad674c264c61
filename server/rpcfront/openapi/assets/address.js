// The address of a call. It is below the page's own base, always: what a URL cannot say is refused, not sent elsewhere.

// In a URL these segments are steps, however they are encoded (RFC 3986, 5.2.4).
const IS_STEP = /^(\.|%2e){1,2}$/i;

// Says why a call cannot be sent. Its field is the input to blame, or null.
class Unsendable extends Error {
  constructor(field, reason) {
    super(reason);
    this.field = field;
  }
}

// Returns the URL of a path below a base. `fields` are the inputs of the parameters, `more` has lines of `name=value`.
function addressOf(base, template, fields, more) {
  const path = base.pathname.replace(/\/$/, "") + filledPath(template, fields.filter(isOf("path")));
  // Put together as text: as a reference, a path may mean another directory, or another host.
  const url = new URL(base.origin + path);
  if (url.pathname !== path) throw new Unsendable(null, `A browser would send ${url.pathname} instead of ${path}.`);
  url.search = filledQuery(fields.filter(isOf("query")), more).toString();
  return url;
}

function isOf(place) {
  return ({ parameter }) => parameter.in === place;
}

function filledPath(template, fields) {
  let path = "";
  for (const piece of template.split("/").slice(1)) {
    const [, before, name, after] = /^([^{]*)\{([^{}]+)\}(.*)$/.exec(piece) ?? [];
    if (name === undefined) {
      if (IS_STEP.test(piece)) {
        throw new Unsendable(null, `A browser cannot send ${piece} as a part of a path. Other clients can.`);
      }
      path += `/${piece}`;
      continue;
    }
    const field = fields.find(({ parameter }) => parameter.name === name);
    const segments = segmentsOf(field);
    const filled = `${before}${segments.join("/")}${after}`;
    if (filled.split("/").some((segment) => IS_STEP.test(segment))) {
      throw new Unsendable(field, "A browser cannot send . or .. as a segment of a path. Other clients can.");
    }
    // No segment has no slash either; a verb then ends the segment before it.
    path += segments.length === 0 && path !== "" ? filled : `/${filled}`;
  }
  return path || "/";
}

// Only the slashes of a parameter of many segments are between segments; it may have none at all.
function segmentsOf(field) {
  const { parameter, input } = field;
  if (takesMany(parameter) && input.value === "") return [];
  return (takesMany(parameter) ? input.value.split("/") : [input.value]).map((segment) => {
    if (segment === "") throw new Unsendable(field, "A segment of a path needs at least one character.");
    return encoded(field, segment);
  });
}

function takesMany(parameter) {
  return parameter["x-multi-segment"] === true;
}

function encoded(field, text) {
  try {
    return encodeURIComponent(text);
  } catch {
    throw new Unsendable(field, "This is not valid Unicode: there is half of a character in it.");
  }
}

function filledQuery(fields, more) {
  const query = new URLSearchParams();
  for (const field of fields) {
    const { parameter, isList, input } = field;
    const values = isList ? input.value.split("\n") : [input.value];
    const given = values.filter(Boolean);
    if (parameter.required && given.length === 0) throw new Unsendable(field, "This parameter is required.");
    for (const value of given) query.append(parameter.name, value);
  }
  for (const line of more.split("\n").filter(Boolean)) {
    const [name, ...value] = line.split("=");
    query.append(name, value.join("="));
  }
  return query;
}
