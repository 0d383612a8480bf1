#!/bin/sh
# Tries 'bgp mcp' with real clients of both eras of the protocol, and 'bgp skill' with its validator. They are
# installed into a temporary directory with npm and pip; where these or their registries are not there, that is
# said, and what depends on them is passed over.
#
#   test-scripts/mcp-clients.sh [BINARY]     without one: target/release/bgp, else target/debug/bgp
#
# One line of TAP for each client; ends with 0 when none of those that could be tried has failed.
set -u
tree=$(cd "$(dirname "$0")/.." && pwd)
binary=${1:-}
for built in "$tree/target/release/bgp" "$tree/target/debug/bgp"; do
    [ -n "$binary" ] || [ ! -x "$built" ] || binary=$built
done
[ -x "$binary" ] || { echo "mcp-clients.sh: no binary at '$binary'; cargo build makes one" >&2; exit 2; }
binary=$(cd "$(dirname "$binary")" && pwd)/$(basename "$binary")

work=$(mktemp -d)
export BGP="$binary" BGP_DIR="$work/state" BG_PASSWORD='correct horse' BGP_KEY_CACHE=off SHELL=/bin/sh
unset BG_PASSWORD_FILE BG_PASSWORD_COMMAND BGP_SESSION
cleanup() {
    "$binary" stop --all --force >/dev/null 2>&1
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 2
count=0
bad=0
said() { # RESULT TITLE
    count=$((count + 1))
    case $1 in
    0) echo "ok $count - $2" ;;
    *) echo "not ok $count - $2"; sed 's/^/# /' "$work/shown"; bad=1 ;;
    esac
}
passed_over() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }
try() { # TITLE COMMAND...
    title=$1
    shift
    timeout 120 "$@" >"$work/shown" 2>&1
    said $? "$title"
}

"$binary" start --name first -- true >/dev/null || exit 2

cat >sdk.mjs <<'JS'
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
const client = new Client({ name: 'test', version: '1' });
await use(client, StdioClientTransport, (name, args) => client.callTool({ name, arguments: args }));
JS
cat >client.mjs <<'JS'
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
const mode = process.argv[2];
const client = new Client({ name: 'test', version: '1' }, mode ? { versionNegotiation: { mode } } : {});
await use(client, StdioClientTransport, (name, args) => client.callTool({ name, arguments: args }));
JS
cat >use.mjs <<'JS'
async function use(client, Transport, call) {
  const assert = (what, holds, seen) => { if (!holds) throw new Error(`${what}: ${JSON.stringify(seen)}`); };
  await client.connect(new Transport({ command: process.env.BGP, args: ['mcp'], env: process.env, stderr: 'inherit' }));
  const { tools } = await client.listTools();
  assert('tools', tools.some((tool) => tool.name === 'process_start'), tools);
  const started = await call('process_start', { name: 'js', command: 'echo hello; exit 3' });
  assert('start', started.structuredContent.process.name === 'js', started);
  const waited = await call('process_wait', { id: 'js' });
  assert('wait', waited.structuredContent.process.exitCode === 3, waited);
  const output = await call('process_output', { id: 'js' });
  assert('output', output.structuredContent.lines[0].text === 'hello', output);
  const wrong = await call('process_output', { id: 'nobody' });
  assert('isError', wrong.isError === true, wrong);
  await call('process_clear', { id: 'js' });
  await client.close();
}
JS
for script in sdk client; do cat use.mjs >>$script.mjs; done

npm_packages='@modelcontextprotocol/sdk @modelcontextprotocol/client @modelcontextprotocol/inspector'
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    passed_over 'clients from npm' 'there is no npm or no node'
elif ! timeout 300 npm install --no-audit --no-fund $npm_packages >"$work/shown" 2>&1; then
    passed_over 'clients from npm' "the registry cannot be reached: $(tail -1 "$work/shown")"
else
    try 'inspector: tools/list' sh -c 'node_modules/.bin/mcp-inspector --cli "$BGP" mcp --method tools/list | grep -q process_wait'
    try 'inspector: tools/call' sh -c 'node_modules/.bin/mcp-inspector --cli "$BGP" mcp --method tools/call --tool-name process_list | grep -q first'
    try 'TypeScript SDK' node sdk.mjs
    try 'TypeScript client, as it comes' node client.mjs
    try 'TypeScript client, negotiating (stateless)' node client.mjs auto
fi

cat >session.py <<'PY'
import asyncio, os, sys
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

async def use(call, tools):
    assert "process_start" in [tool.name for tool in (await tools()).tools]
    started = await call("process_start", {"name": "py", "command": "echo hello; exit 3"})
    assert structured(started)["process"]["name"] == "py", started
    waited = await call("process_wait", {"id": "py"})
    assert structured(waited)["process"]["exitCode"] == 3, waited
    output = await call("process_output", {"id": "py"})
    assert structured(output)["lines"][0]["text"] == "hello", output
    wrong = await call("process_output", {"id": "nobody"})
    assert getattr(wrong, "is_error", None) or getattr(wrong, "isError", None), wrong
    await call("process_clear", {"id": "py"})

def structured(result):
    return getattr(result, "structured_content", None) or getattr(result, "structuredContent", None)

server = StdioServerParameters(command=os.environ["BGP"], args=["mcp"], env=dict(os.environ))

async def session():
    async with stdio_client(server) as (read, write):
        async with ClientSession(read, write) as client:
            await client.initialize()
            await use(client.call_tool, client.list_tools)

async def client():
    from mcp import Client
    async with Client(stdio_client(server)) as client:
        await use(client.call_tool, client.list_tools)

asyncio.run({"session": session, "client": client}[sys.argv[1]]())
PY
if ! command -v python3 >/dev/null || ! python3 -m venv venv >"$work/shown" 2>&1; then
    passed_over 'clients from PyPI' 'there is no python3 with venv'
elif ! timeout 300 venv/bin/pip install -q mcp skills-ref >"$work/shown" 2>&1; then
    passed_over 'clients from PyPI' "the registry cannot be reached: $(tail -1 "$work/shown")"
else
    try 'Python SDK, ClientSession' venv/bin/python session.py session
    try 'Python SDK, Client (stateless first)' venv/bin/python session.py client
    "$binary" skill --install "$work/bgp" >/dev/null
    try 'agentskills validate' venv/bin/agentskills validate "$work/bgp"
fi
echo "1..$count"
exit $bad
