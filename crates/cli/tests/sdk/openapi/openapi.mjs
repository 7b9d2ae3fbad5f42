// Opens an OpenAPI document in the readers of Swagger and of Postman, and prints as JSON what a person would see there.
import { readFileSync } from "node:fs";
import SwaggerParser from "@apidevtools/swagger-parser";
import Converter from "openapi-to-postmanv2";

const document = JSON.parse(readFileSync(process.argv[2], "utf8"));

// Follows every reference, and checks the document against the schema of OpenAPI and its specification.
await SwaggerParser.validate(structuredClone(document));

const { result, reason, output } = await new Promise((resolve, reject) =>
  Converter.convert({ type: "json", data: document }, { folderStrategy: "Tags" }, (error, converted) =>
    error ? reject(error) : resolve(converted)));
if (!result) {
  throw new Error(reason);
}
const collection = output[0].data;
const requests = (items) => items.flatMap((item) => (item.item ? requests(item.item) : [item]));
const shown = requests(collection.item).map(({ name, request }) => [request.method, name, request.url.host.join("")]);
const variables = Object.fromEntries(collection.variable.map(({ key, value }) => [key, value]));
console.log(JSON.stringify({ shown, variables }));
