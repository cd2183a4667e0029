// A company's identity provider, for the tests: the certified implementation of OpenID Connect `oidc-provider`, over TLS.
//
// Started with one JSON argument: {issuer, port, key, cert, algorithm, audience, clients: {id: {secret, claims}}, login}.
// `login` lets people log in by a form (any password), by authorization code with PKCE alone:
// {clients: [metadata], accounts: {name: claims}, inIdToken: whether the ID token has the claims, too}.
// Reads commands from standard input, one JSON object a line, and answers each with {jwksRequests}:
//   {}                       only tell
//   {"keys": ["a", "b"]}     publish these keys, made when first named; the first one signs
//   {"fails": true}          answer requests for the keys with 500

import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createInterface } from 'node:readline'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import Provider from 'oidc-provider'

console.info = console.warn = console.error // standard output is for our answers alone
const options = JSON.parse(process.argv[2])
const login = options.login ?? { clients: [], accounts: {}, inIdToken: true }
const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}]
}
const made = new Map()
let jwksRequests = 0
let fails = false

// What it has given out, whichever keys it signs with: a login may last longer than a key.
const kept = new Map()
const cookieKeys = [randomUUID()]
class Kept {
  constructor (kind) { this.kind = kind }
  async upsert (id, payload) { kept.set(`${this.kind}:${id}`, payload) }
  async find (id) { return kept.get(`${this.kind}:${id}`) }
  async findByUid (uid) { return [...kept.values()].find((each) => each.uid === uid && each.kind === this.kind) }
  async consume (id) { kept.get(`${this.kind}:${id}`).consumed = Math.floor(Date.now() / 1000) }
  async destroy (id) { kept.delete(`${this.kind}:${id}`) }
  async revokeByGrantId (grantId) {
    for (const [id, each] of kept) if (each.grantId === grantId) kept.delete(id)
  }
}

function key (kid) {
  if (!made.has(kid)) {
    const { privateKey } = generateKeyPairSync(...KINDS[options.algorithm])
    made.set(kid, { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: options.algorithm })
  }
  return made.get(kid)
}

function loginClient (metadata) {
  return {
    grant_types: ['authorization_code'],
    response_types: ['code'],
    id_token_signed_response_alg: options.algorithm,
    ...metadata
  }
}

function provider (kids) {
  const issuer = new Provider(options.issuer, {
    adapter: Kept,
    jwks: { keys: kids.map(key) },
    clients: [...login.clients.map(loginClient), ...Object.entries(options.clients).map(([id, { secret }]) => ({
      client_id: id,
      client_secret: secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: options.algorithm
    }))],
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId, ...login.accounts[accountId] }) }),
    claims: { openid: ['sub', ...new Set(Object.values(login.accounts).flatMap(Object.keys))] },
    conformIdTokenClaims: !login.inIdToken,
    pkce: { required: () => true },
    cookies: { keys: cookieKeys },
    enabledJWA: { idTokenSigningAlgValues: [options.algorithm] },
    // Access tokens as JSON Web Tokens (RFC 9068), for whichever resource (RFC 8707) is asked for.
    features: {
      devInteractions: { enabled: login.clients.length > 0 },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: '',
          audience: options.audience,
          accessTokenTTL: 600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: options.algorithm } }
        })
      }
    },
    extraTokenClaims: (_, token) => options.clients[token.clientId]?.claims
  })
  issuer.on('server_error', (_, error) => console.error(error))
  return issuer.callback()
}

let answer = provider(['first'])
const server = createServer({ key: readFileSync(options.key), cert: readFileSync(options.cert) }, (request, response) => {
  if (request.url.startsWith('/jwks')) {
    jwksRequests += 1
    if (fails) return response.writeHead(500).end()
  }
  answer(request, response)
})
server.listen(options.port, '127.0.0.1', () => console.log(JSON.stringify({ jwksRequests })))

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  if (command.keys) answer = provider(command.keys)
  fails = command.fails ?? fails
  console.log(JSON.stringify({ jwksRequests }))
}
process.exit(0) // whoever started us has ended
