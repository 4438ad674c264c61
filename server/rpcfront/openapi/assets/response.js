// A response as it arrives. However large it is and however long it takes, the page shows and keeps a bounded part of it.

const JSON_TYPE = "application/json";
const LINES_TYPE = "application/x-ndjson";

const SHOWN_CHARACTERS = 64 * 1024;
const SHOWN_LINES = 200;
const KEPT_BYTES = 64 * 1024 * 1024;
const BLOB_BYTES = 1024 * 1024;
// A body of many small pieces must leave the browser time to draw and to hear the reader.
const READING_MILLISECONDS = 16;
const SHOWING_MILLISECONDS = 100;
const INDENTED_LEVELS = 32;

class ResponseBody {
  constructor(contentType) {
    const [essence, ...parameters] = contentType.split(";").map((part) => part.trim());
    this.type = essence.toLowerCase();
    this.isLines = this.type === LINES_TYPE;
    this.charset = /^charset="?([^"]*)/i.exec(parameters.find((part) => /^charset=/i.test(part)) ?? "")?.[1];
    this.bytes = 0;
    this.lines = 0;
    this.isText = true;
    this.isCut = false; // Whether the text is less than the body.
    this.text = ""; // The beginning of the body; of lines, its end.
    this.blobs = []; // What can be saved: the same, but more of it.
    this.recent = [];
    this.recentBytes = 0;
  }

  // Whether more would be neither shown nor kept. Lines are read on: the last ones count.
  get isFull() {
    return !this.isLines && this.bytes >= KEPT_BYTES;
  }

  add(chunk) {
    if (this.bytes === 0) this.begin(chunk);
    this.bytes += chunk.length;
    this.keep(chunk);
    if (!this.isText) return;
    if (!this.isLines && this.text.length >= SHOWN_CHARACTERS) {
      this.isCut = true;
      return;
    }
    this.append(this.decoder.decode(chunk, { stream: true }));
  }

  end() {
    if (this.isText && !this.isCut && this.decoder) this.append(this.decoder.decode());
  }

  begin(chunk) {
    try {
      this.decoder = new TextDecoder(this.charset ?? "utf-8");
    } catch {
      this.decoder = new TextDecoder();
    }
    try {
      const beginning = new TextDecoder(this.decoder.encoding, { fatal: true }).decode(chunk, { stream: true });
      this.isText = !beginning.includes("\0");
    } catch {
      this.isText = false;
    }
  }

  append(text) {
    this.text += text;
    if (this.isLines) {
      this.lines += text.split("\n").length - 1;
      // Cut when it is twice as long, so that short lines cost no copy of all that is shown.
      if (this.text.length > 2 * SHOWN_CHARACTERS) {
        this.text = this.text.slice(-SHOWN_CHARACTERS);
        this.isCut = true;
      }
    } else if (this.text.length > SHOWN_CHARACTERS) {
      this.text = this.text.slice(0, SHOWN_CHARACTERS);
      this.isCut = true;
    }
  }

  // A blob may be on the browser's disk, so large ones are made of what has arrived.
  keep(chunk) {
    this.recent.push(chunk);
    this.recentBytes += chunk.length;
    if (this.recentBytes < BLOB_BYTES) return;
    this.blobs.push(new Blob(this.recent));
    this.recent = [];
    this.recentBytes = 0;
    if (this.blobs.length * BLOB_BYTES > KEPT_BYTES) this.blobs.shift();
  }

  // What can be saved.
  blob() {
    return new Blob([...this.blobs, ...this.recent], { type: "application/octet-stream" });
  }

  // What is shown.
  shown() {
    if (!this.isText) return "";
    if (this.isLines) return this.lastLines();
    return this.type === JSON_TYPE ? pretty(this.text) : this.text;
  }

  lastLines() {
    const text = this.text.slice(-SHOWN_CHARACTERS);
    return text.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
  }

  // A sentence about the size of the body, and about how much of it is shown.
  summary(isOver) {
    const size = sizeOf(this.bytes);
    if (this.isLines) {
      const lines = `${this.lines.toLocaleString("en")} ${this.lines === 1 ? "line" : "lines"}`;
      const isWhole = !this.isCut && this.text.length <= SHOWN_CHARACTERS && this.lines <= SHOWN_LINES;
      return `${lines}, ${size}${isOver ? "" : " so far"}.${isWhole ? "" : " The last ones are shown."}`;
    }
    if (this.bytes === 0) return isOver ? "There is no body." : "";
    if (!this.isText) return `${size}${isOver ? "" : " so far"}, which are not text.`;
    const part = this.isCut ? ` Its first ${sizeOf(SHOWN_CHARACTERS)} are shown.` : "";
    const end = this.isFull ? ` Reading has stopped there.` : "";
    return `${size}${isOver ? "" : " so far"}.${part}${end}`;
  }

  // The google.rpc.Status of a failed call, or null.
  status(isOk) {
    if (!this.isLines) return isOk || this.isCut || this.type !== JSON_TYPE ? null : parsed(this.text);
    const error = parsed(this.text.trimEnd().split("\n").at(-1))?.error;
    return typeof error?.code === "number" ? error : null;
  }
}

// Reads the whole body. Calls `show` now and then, and once more soon after the last piece.
async function readBody(response, body, show) {
  const reader = response.body?.getReader();
  let timer = 0;
  let began = performance.now();
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) break;
      body.add(value);
      timer ||= setTimeout(() => {
        timer = 0;
        show();
      }, SHOWING_MILLISECONDS);
      if (body.isFull) {
        await reader.cancel();
        break;
      }
      if (performance.now() - began > READING_MILLISECONDS) {
        await new Promise((resume) => setTimeout(resume));
        began = performance.now();
      }
    }
  } finally {
    clearTimeout(timer);
    body.end();
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  const kibibytes = bytes / 1024;
  return kibibytes < 1024 ? `${kibibytes.toFixed(1)} KiB` : `${(kibibytes / 1024).toFixed(1)} MiB`;
}

// Indents JSON, which may end anywhere. Numbers stay as they are written: some have more digits than a script can hold.
// The indent has a limit, and so has the whole: brackets alone would be the square of their number otherwise.
function pretty(text) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let depth = 0;
  let written = "";
  const newLine = () => `\n${"  ".repeat(Math.min(Math.max(depth, 0), INDENTED_LEVELS))}`;
  for (const [index, token] of tokens.entries()) {
    const isEmpty = /^[{[]$/.test(token) && /^[}\]]$/.test(tokens[index + 1] ?? "");
    if (/^[}\]]$/.test(token)) {
      depth -= 1;
      if (!/^[{[]$/.test(tokens[index - 1] ?? "")) written += newLine();
    }
    written += token === ":" ? ": " : token;
    if (/^[{[]$/.test(token)) {
      depth += 1;
      if (!isEmpty) written += newLine();
    }
    if (token === ",") written += newLine();
    if (written.length > 2 * SHOWN_CHARACTERS) break;
  }
  return written;
}
