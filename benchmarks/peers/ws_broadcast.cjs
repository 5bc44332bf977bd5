// A broadcast on Node's `ws`, as a peer: `node ws_broadcast.cjs FOLDER SIZE`, where FOLDER has node_modules.
// Whoever says "go" makes it send one text frame of SIZE bytes to everybody. Prints the port.
'use strict';
const path = require('node:path');
const { WebSocketServer } = require(path.join(process.argv[2], 'node_modules', 'ws'));

const text = 'x'.repeat(Number(process.argv[3]));
const server = new WebSocketServer(
  { host: '127.0.0.1', port: 0, backlog: 4096, perMessageDeflate: false },
  () => console.log(server.address().port),
);
server.on('connection', (socket) => {
  socket.on('error', () => socket.terminate());
  socket.on('message', () => {
    for (const each of server.clients) each.send(text);
  });
});
