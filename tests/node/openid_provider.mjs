// A company's identity provider, for the tests: the certified implementation of OpenID Connect `oidc-provider`, over TLS.
//
// Started with one JSON argument: {issuer, port, key, cert, algorithm, audience, clients: {id: {secret, claims}}}.
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
const KINDS = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }] }
const made = new Map()
let jwksRequests = 0
let fails = false

function key (kid) {
  if (!made.has(kid)) {
    const { privateKey } = generateKeyPairSync(...KINDS[options.algorithm])
    made.set(kid, { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: options.algorithm })
  }
  return made.get(kid)
}

function provider (kids) {
  const issuer = new Provider(options.issuer, {
    jwks: { keys: kids.map(key) },
    clients: Object.entries(options.clients).map(([id, { secret }]) => ({
      client_id: id,
      client_secret: secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: options.algorithm
    })),
    cookies: { keys: [randomUUID()] },
    enabledJWA: { idTokenSigningAlgValues: [options.algorithm] },
    // Access tokens as JSON Web Tokens (RFC 9068), for whichever resource (RFC 8707) is asked for.
    features: {
      devInteractions: { enabled: false },
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
    extraTokenClaims: (_, token) => options.clients[token.clientId].claims
  })
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
