// What the document says: its operations, each with all of its parameters, and what its references mean.

// Of OpenAPI 3.1, and QUERY of 3.2. Other members of a path item are no operations.
const METHODS = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"]);
// Operations with other HTTP methods, and further ones with the same: in our documents, and in OpenAPI 3.2.
const OTHER_METHODS = ["x-additional-operations", "additionalOperations"];

class Api {
  constructor(document) {
    this.document = document;
    this.title = document.info?.title ?? "API";
    this.operations = [...this.found()];
  }

  // Follows a reference, and adds the members beside it. Of a reference that leads nowhere these are all there is.
  resolve(object) {
    if (object?.$ref === undefined) return object ?? {};
    const { $ref, ...beside } = object;
    const steps = $ref.replace(/^#\//, "").split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    return { ...steps.reduce((found, step) => found?.[step], this.document), ...beside };
  }

  *found() {
    const ids = new Set();
    for (const [path, reference] of Object.entries(this.document.paths ?? {})) {
      const item = this.resolve(reference);
      const others = OTHER_METHODS.flatMap((name) => Object.entries(item[name] ?? {}));
      const own = Object.entries(item).filter(([name]) => METHODS.has(name));
      for (const [method, operations] of [...own, ...others]) {
        for (const operation of [operations].flat()) {
          const id = unique(operation.operationId ?? `${method} ${path}`, ids);
          yield { id, path, method: method.toUpperCase(), operation, parameters: this.parameters(path, item, operation) };
        }
      }
    }
  }

  // Those of the operation before those of its path; and one for each part of the path that has none.
  parameters(path, item, operation) {
    const named = new Map();
    for (const reference of [...(item.parameters ?? []), ...(operation.parameters ?? [])]) {
      const parameter = this.resolve(reference);
      named.set(`${parameter.in} ${parameter.name}`, parameter);
    }
    for (const [, name] of path.matchAll(/\{([^{}]+)\}/g)) {
      const missing = { name, in: "path", required: true, schema: { type: "string" } };
      if (!named.has(`path ${name}`)) named.set(`path ${name}`, missing);
    }
    return [...named.values()];
  }

  // The tags that have operations, in the document's order; operations without a tag come last.
  *tags() {
    const known = this.document.tags ?? [];
    const used = this.operations.map(({ operation }) => tagOf(operation));
    const names = new Set([...known.map(({ name }) => name).filter((name) => used.includes(name)), ...used]);
    for (const name of names) {
      const operations = this.operations.filter(({ operation }) => tagOf(operation) === name);
      yield { name, description: known.find((tag) => tag.name === name)?.description, operations };
    }
  }
}

function tagOf(operation) {
  return operation.tags?.[0] ?? "Others";
}

function unique(id, taken) {
  let free = id;
  for (let count = 2; taken.has(free); count += 1) free = `${id}.${count}`;
  taken.add(free);
  return free;
}
