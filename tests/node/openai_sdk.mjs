// The OpenAI Node SDK, unmodified: only base URL and key come from the environment. Prints one JSON line with what it saw.
import OpenAI from "openai";

const model = process.env.GATEWAY_MODEL ?? "assistant";
const client = new OpenAI({ maxRetries: 0 }); // OPENAI_BASE_URL and OPENAI_API_KEY

const seen = {};

const chat = await client.chat.completions.create({ model, messages: [{ role: "user", content: "Say hello." }] });
seen.chat = chat.choices[0].message.content;
seen.chatTokens = chat.usage.total_tokens;

const stream = await client.chat.completions.create({
  model,
  messages: [{ role: "user", content: "Say hello, slowly." }],
  stream: true,
});
seen.stream = "";
seen.emptyChunks = 0; // a chunk without choices breaks clients that did not ask for usage
for await (const chunk of stream) {
  if (chunk.choices.length === 0) seen.emptyChunks += 1;
  seen.stream += chunk.choices[0]?.delta?.content ?? "";
}

const withUsage = await client.chat.completions.create({
  model,
  messages: [{ role: "user", content: "Count." }],
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of withUsage) if (chunk.usage) seen.streamTokens = chunk.usage.total_tokens;

const tools = await client.chat.completions.create({
  model,
  messages: [{ role: "user", content: "What is the weather in Lyon?" }],
  tools: [
    {
      type: "function",
      function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
    },
  ],
});
seen.tool = tools.choices[0].message.tool_calls[0].function.name;

const embeddings = await client.embeddings.create({ model: "embedder", input: ["one", "two"] });
seen.embeddings = embeddings.data.length;

const response = await client.responses.create({ model, input: "Say hello." });
seen.response = response.output_text;

const responseStream = await client.responses.create({ model, input: "Say hello.", stream: true });
for await (const event of responseStream) {
  if (event.type === "response.completed") seen.responseTokens = event.response.usage.total_tokens;
}

seen.models = [];
for await (const entry of client.models.list()) seen.models.push(entry.id);

try {
  await client.chat.completions.create({ model: "no-such-model", messages: [{ role: "user", content: "x" }] });
} catch (error) {
  seen.unknownModel = { status: error.status, code: error.code };
}

console.log(JSON.stringify(seen));
