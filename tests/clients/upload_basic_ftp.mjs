// Node's basic-ftp uploads a file. Takes one order as JSON: host, port, implicit, user, password, ca,
// file and name. Prints the server's reply, or what failed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Client } = createRequire(`${process.cwd()}/`)("basic-ftp");
const order = JSON.parse(readFileSync(0, "utf8"));
const client = new Client(20000);
try {
    await client.access({
        host: order.host,
        port: order.port,
        user: order.user,
        password: order.password,
        secure: order.implicit ? "implicit" : true,
        secureOptions: { ca: readFileSync(order.ca), host: order.host },
    });
    const reply = await client.uploadFrom(order.file, order.name);
    console.log(JSON.stringify([reply.message]));
} catch (error) {
    console.log(JSON.stringify([`${error}`]));
} finally {
    client.close();
}
