// Makes the calls that stdin names, one line of JSON each, and writes what the client returned to stdout, one line each.
// protocol.py says what the lines are.

import { createInterface } from "node:readline";

/** `invoke` makes a call and returns the response as JSON; `failure` returns what an error tells a program. */
export async function answerLines({ invoke, failure }) {
  for await (const line of createInterface({ input: process.stdin })) {
    let outcome;
    try {
      outcome = { response: await invoke(JSON.parse(line)) };
    } catch (error) {
      outcome = { error: failure(error) };
    }
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
  process.exit(0); // connections may still be open
}

export function lowerFirst(name) {
  return name[0].toLowerCase() + name.slice(1);
}
