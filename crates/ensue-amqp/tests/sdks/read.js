// Prints what CloudEvents' SDK for JavaScript makes of the messages in a queue, a line of JSON each.
// It has no binding for AMQP. The one for HTTP takes headers that begin with `ce-`, and a structured
// body, as they are.

import amqp from "amqplib";
import { HTTP } from "cloudevents";

const [url, queue, count] = process.argv.slice(2);

const asInHttp = (name) => name.replace(/^cloudEvents_/, "ce-");

const event = ({ properties, content }) => {
  const headers = Object.entries(properties.headers ?? {})
    .map(([name, value]) => [asInHttp(name), String(value)])
    .filter(([name]) => name.startsWith("ce-"));
  const contentType = properties.contentType;
  const isText = /json|text/.test(contentType);
  const body = isText ? content.toString() : content;
  return HTTP.toEvent({ headers: { ...Object.fromEntries(headers), "content-type": contentType }, body });
};

const plain = (data) => (data instanceof Uint8Array ? { bytes: [...data] } : data);

const connection = await amqp.connect(url);
const channel = await connection.createChannel();
for (let read = 0; read < Number(count); read += 1) {
  const message = await channel.get(queue, { noAck: true });
  const { data, data_base64, ...attributes } = event(message).toJSON();
  const bytes = data_base64 && { bytes: [...Buffer.from(data_base64, "base64")] };
  console.log(JSON.stringify({ attributes, data: bytes ?? plain(data) }));
}
await connection.close();
