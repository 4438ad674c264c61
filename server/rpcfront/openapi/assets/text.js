// Makes elements, and paragraphs of proto comments. Nothing here is ever parsed as HTML.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// Text between backquotes is code; an empty line ends a paragraph, and "- " begins an item of a list.
function prose(text) {
  return (text ?? "").split(/\n{2,}/).filter(Boolean).map((paragraph) => {
    const lines = paragraph.split("\n");
    if (!lines.every((line) => line.startsWith("- "))) return element("p", {}, ...phrases(paragraph));
    return element("ul", {}, ...lines.map((line) => element("li", {}, ...phrases(line.slice(2)))));
  });
}

// A path, which a narrow window may break before each slash.
function pathText(path) {
  const pieces = path.split(/(?=\/)/).flatMap((piece) => [element("wbr"), piece]);
  return element("span", { class: "path" }, ...pieces.slice(1));
}

function phrases(text) {
  return text.split(/(`[^`]+`)/).map((part) => (/^`.+`$/.test(part) ? element("code", {}, part.slice(1, -1)) : part));
}
