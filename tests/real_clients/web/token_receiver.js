// A target that verifies, and decrypts, what it is sent, with the keys that OpenID discovery names. It writes a line of
// JSON for each request, after one with its port. Arguments: the issuer, for how many milliseconds keys are cached, and
// private keys in PEM by the id of their public key. Keys are fetched anew at that age, and never before: a token of a
// key that is not among them is refused.

import { createServer } from "node:http";
import { compactDecrypt, compactVerify, createRemoteJWKSet, decodeProtectedHeader, importPKCS8 } from "jose";

const [issuer, cacheMaxAge, privateKeys] = process.argv.slice(2);
const pems = JSON.parse(privateKeys);

const discovery = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
if (discovery.issuer !== issuer) throw new Error(`the issuer is ${discovery.issuer}`);
const keys = createRemoteJWKSet(new URL(discovery.jwks_uri), {
  cacheMaxAge: Number(cacheMaxAge),
  cooldownDuration: 1e9,
});
const algorithms = () => discovery.id_token_signing_alg_values_supported;

async function decrypted(token) {
  const { alg, kid } = decodeProtectedHeader(token);
  const { plaintext, protectedHeader } = await compactDecrypt(token, await importPKCS8(pems[kid], alg));
  return [new TextDecoder().decode(plaintext), protectedHeader];
}

async function verified(body) {
  const [token, encryption] = body.split(".").length === 5 ? await decrypted(body) : [body, null];
  const { payload, protectedHeader } = await compactVerify(token, keys, { algorithms: algorithms() });
  return { payload: Buffer.from(payload).toString("base64"), header: protectedHeader, encryption };
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const seen = { headers: request.headers, body: body.toString("base64") };
  try {
    Object.assign(seen, await verified(body.toString()));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  } catch (error) {
    seen.error = String(error);
    response.writeHead(500).end();
  }
  process.stdout.write(`${JSON.stringify(seen)}\n`);
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`));
