// Schemas: in a few words, as a tree that is expanded on demand, and as an example to start from.

const LIMITS = {
  minLength: "at least # characters",
  maxLength: "at most # characters",
  minimum: "from #",
  maximum: "to #",
  exclusiveMinimum: "more than #",
  exclusiveMaximum: "less than #",
  minItems: "at least # items",
  maxItems: "at most # items",
  minProperties: "at least # entries",
  maxProperties: "at most # entries",
  pattern: "pattern #",
};
// These follow from a format.
const BOUNDED = new Set(["int32", "int64", "uint64", "float"]);

const MAX_EXAMPLE = 300;

class Schemas {
  constructor(api) {
    this.api = api;
  }

  // Resolves a reference, and adds the keywords beside it.
  resolve(schema) {
    return this.api.resolve(schema);
  }

  // Without the branch for null.
  value(schema) {
    const branches = schema.anyOf?.filter((branch) => branch.type !== "null");
    if (branches?.length !== 1 || schema.anyOf.length !== 2) return schema;
    const { anyOf, ...beside } = schema;
    return { ...branches[0], ...beside };
  }

  words(schema) {
    const bare = this.value(schema);
    if (bare.$ref !== undefined) return shortName(componentName(bare.$ref));
    const found = this.resolve(bare);
    if (found.enum !== undefined) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (found.anyOf !== undefined) {
      const branches = found.anyOf.filter((branch) => branch.type !== "null");
      return branches.map((branch) => this.words(branch)).join(" or ");
    }
    const kinds = [found.type ?? "any"].flat().filter((kind) => kind !== "null");
    if (kinds.includes("array")) return `list of ${this.words(found.items ?? {})}`;
    if (typeof found.additionalProperties === "object") return `map to ${this.words(found.additionalProperties)}`;
    return found.format === undefined ? kinds.join(" or ") : `${kinds.join(" or ")} (${found.format})`;
  }

  limits(schema) {
    const found = this.resolve(this.value(schema));
    // An unsigned number has the format of a signed one.
    const isWholeRange = BOUNDED.has(found.format) && found.minimum !== 0;
    return Object.entries(LIMITS)
      .filter(([key]) => found[key] !== undefined && !(isWholeRange && /imum|pattern/.test(key)))
      .map(([key, text]) => text.replace("#", () => String(found[key])))
      .join(", ");
  }

  // The message whose fields can be expanded: the schema's own, or that of its elements.
  inside(schema) {
    const found = this.resolve(this.value(schema));
    if (found.items !== undefined) return this.inside(found.items);
    if (typeof found.additionalProperties === "object") return this.inside(found.additionalProperties);
    return found.properties === undefined ? null : found;
  }

  tree(schema) {
    const message = this.inside(schema);
    if (message === null) return null;
    const required = new Set(message.required);
    const members = Object.entries(message.properties).map(([name, member]) =>
      this.member(name, member, required.has(name)),
    );
    return element("div", {}, ...this.choices(message), element("ul", { class: "members" }, ...members));
  }

  member(name, schema, isRequired) {
    const about = this.resolve(this.value(schema));
    return element(
      "li",
      { class: about.deprecated ? "deprecated" : undefined },
      element("code", {}, name),
      ` ${this.words(schema)}`,
      isRequired ? element("strong", {}, " required") : null,
      about.deprecated ? " deprecated" : null,
      element("div", { class: "note" }, ...prose(about.description), this.limits(schema)),
      this.deeper(schema),
    );
  }

  // A message may contain itself, so its fields are made when they are first expanded.
  deeper(schema, isOpen = false) {
    if (this.inside(schema) === null) return null;
    const details = element("details", { open: isOpen }, element("summary", {}, "fields"));
    details.addEventListener("toggle", () => details.append(this.tree(schema)), { once: true });
    return details;
  }

  choices(message) {
    return oneofs(message).map((branches) => {
      const names = branches.flatMap((branch) => branch.required ?? []);
      const rule = names.length === branches.length ? "One of these is required: " : "At most one of these: ";
      return element("p", { class: "note" }, rule, names.join(", "));
    });
  }

  // Of at most `left` fields: with every message type in another one, there would be factorially many.
  example(schema, entered = new Set(), budget = { left: MAX_EXAMPLE }) {
    const bare = this.value(schema ?? {});
    const found = this.resolve(bare);
    if (found.examples !== undefined) return found.examples[0];
    if (found.enum !== undefined) return found.enum[0];
    if (found.anyOf !== undefined) return this.example(found.anyOf[0], entered, budget);
    const kind = [found.type ?? "null"].flat()[0];
    if (kind === "object") return this.exampleObject(found, bare.$ref, entered, budget);
    return { array: [], boolean: false, integer: 0, number: 0, string: "" }[kind] ?? null;
  }

  // Every field once, and the first member of a oneof; a message inside itself is left out.
  exampleObject(schema, reference, entered, budget) {
    if (entered.has(reference)) return {};
    const within = reference === undefined ? entered : new Set([...entered, reference]);
    const rivals = new Set(oneofs(schema).flatMap((branches) => branches.flatMap((branch) => branch.required ?? []).slice(1)));
    const members = Object.entries(schema.properties ?? {}).filter(([name]) => !rivals.has(name));
    const taken = members.slice(0, budget.left);
    budget.left -= taken.length;
    return Object.fromEntries(taken.map(([name, member]) => [name, this.example(member, within, budget)]));
  }
}

// The branches of each oneof of a message; that for none of its members requires nothing.
function oneofs(message) {
  return (message.if?.allOf ?? []).map((part) => part.oneOf);
}

function componentName(reference) {
  return reference.split("/").at(-1);
}

function shortName(name) {
  return name.replace(/-(Input|Output|Error)$/, "").split(".").at(-1);
}
