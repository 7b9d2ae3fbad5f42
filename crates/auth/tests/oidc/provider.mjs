// A certified OpenID provider on a free port of the loopback interface. It says where it is on its first line, and then
// answers commands, one a line: "rotate" (a new key signs, the old one stays published), "count" (how often the keys were
// fetched), "forget" (only the newest key stays published). "token KIND" answers with a token that it signs, of the person Ana.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

let keys = [];
let made = 0;
let fetched = 0;
let handle;
let current;

const GRAPH = 'https://graph.microsoft.com';
const READ = 'DeviceManagementManagedDevices.Read.All';

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
    // As issuers do that map roles of a person into every token.
    extraTokenClaims: (_context, token) => (token.scope === 'openid profile' ? { roles: [READ] } : undefined),
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
  current = provider;
}

// What a sign-in of Ana with the client "desk" would give, without its pages.
async function sign(kind) {
  const client = await current.Client.find('desk');
  const access = async (change) => {
    const token = new current.AccessToken({ accountId: 'ana', client, scope: `openid ${READ}` });
    token.resourceServer = new current.ResourceServer(GRAPH, { scope: READ, accessTokenFormat: 'jwt', accessTokenTTL: 600 });
    token.setAudience(GRAPH);
    change(token);
    return token.save();
  };
  const identity = async (use, more) => {
    const token = new current.IdToken({ sub: 'ana', roles: [READ] }, { client });
    Object.entries({ roles: [READ], ...more }).forEach(([name, value]) => token.set(name, value));
    token.scope = 'openid';
    return token.issue({ use });
  };
  switch (kind) {
    case 'person': return access(() => {});
    case 'person-with-roles': return access((token) => {
      token.scope = 'openid profile';
    });
    case 'bound-to-key': return access((token) => token.setThumbprint('jkt', '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'));
    case 'bound-to-certificate': return access((token) => { token['x5t#S256'] = 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2'; });
    case 'id': return identity('idtoken', {});
    case 'id-with-nonce': return identity('idtoken', { nonce: 'n-0S6_WzA2Mj' });
    case 'id-with-hash': return identity('idtoken', { at_hash: 'an access token' });
    case 'logout': return identity('logout', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} }, jti: '1' });
    default: throw new Error(kind);
  }
}

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  newKey();
  provide(issuer);
  console.log(issuer);
  createInterface({ input: process.stdin }).on('line', async (command) => {
    if (command.startsWith('token ')) {
      console.log(`token ${await sign(command.slice(6))}`);
      return;
    }
    if (command === 'rotate') newKey();
    if (command === 'forget') keys = keys.slice(0, 1);
    if (command !== 'count') provide(issuer);
    console.log(fetched);
  }).on('close', () => process.exit());
});
