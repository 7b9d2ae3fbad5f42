// A certified OpenID provider on a free port of the loopback interface. It says where it is on its first line, and then
// answers commands, one a line: "rotate" (a new key signs, the old one stays published), "count" (how often the keys were
// fetched), "forget" (only the newest key stays published).
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

let keys = [];
let made = 0;
let fetched = 0;
let handle;

function newKey() {
  made += 1;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys.unshift({ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: `key-${made}` });
}

const server = createServer((request, response) => {
  if (request.url === '/jwks') fetched += 1;
  handle(request, response);
});

function provide(issuer) {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [{
      client_id: 'desk', client_secret: 'desk-secret', grant_types: ['client_credentials'],
      redirect_uris: [], response_types: [],
    }],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, audience) => ({
          audience,
          scope: 'DeviceManagementManagedDevices.Read.All User.Read.All Mail.Read',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
        }),
      },
    },
  });
  handle = provider.callback();
}

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  newKey();
  provide(issuer);
  console.log(issuer);
  createInterface({ input: process.stdin }).on('line', (command) => {
    if (command === 'rotate') newKey();
    if (command === 'forget') keys = keys.slice(0, 1);
    if (command !== 'count') provide(issuer);
    console.log(fetched);
  }).on('close', () => process.exit());
});
