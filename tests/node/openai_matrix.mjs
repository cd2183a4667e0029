// The OpenAI Node SDK, unmodified: base URL and key come from the environment. Cases from standard input, outcomes to
// standard output, as in tests/clients/protocol.py.
import OpenAI from "openai";

const SYSTEM = "You are terse.";
const LIMIT_TOKENS = 16;
const RESULT = "Sunny.";
const WEATHER = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

const client = new OpenAI({ maxRetries: 0, timeout: 30_000 });

// --- how it asks ---------------------------------------------------------------------------------------------------

async function chat(question, streams) {
  const url = { url: `data:image/png;base64,${question.image}` };
  const messages = [
    ...(question.system ? [{ role: "system", content: question.system }] : []),
    {
      role: "user",
      content: question.image ? [{ type: "text", text: question.text }, { type: "image_url", image_url: url }] : question.text,
    },
    ...(question.earlier
      ? [question.earlier.message, { role: "tool", tool_call_id: question.earlier.id, content: RESULT }]
      : []),
  ];
  const request = {
    model: question.model,
    messages,
    ...(question.offersTool && { tools: [{ type: "function", function: { name: "weather", parameters: WEATHER } }] }),
    ...(question.limitTokens && { max_tokens: question.limitTokens }),
  };
  let answer;
  let pieces = 1;
  if (streams) {
    const stream = client.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
    pieces = 0;
    for await (const chunk of stream) if (chunk.choices[0]?.delta?.content) pieces += 1;
    answer = await stream.finalChatCompletion();
  } else {
    answer = await client.chat.completions.create(request);
  }
  const { message, finish_reason: stop } = answer.choices[0];
  const call = message.tool_calls?.[0];
  return {
    text: message.content ?? "",
    stop,
    usage: [answer.usage.prompt_tokens, answer.usage.completion_tokens],
    call: call && [call.function.name, JSON.parse(call.function.arguments)],
    id: call?.id,
    pieces,
    message,
  };
}

async function response(question, streams) {
  const picture = { type: "input_image", image_url: `data:image/png;base64,${question.image}`, detail: "auto" };
  const content = question.image ? [{ type: "input_text", text: question.text }, picture] : question.text;
  const input = [
    { role: "user", content },
    ...(question.earlier
      ? [...question.earlier.message, { type: "function_call_output", call_id: question.earlier.id, output: RESULT }]
      : []),
  ];
  const request = {
    model: question.model,
    input,
    ...(question.system && { instructions: question.system }),
    ...(question.offersTool && { tools: [{ type: "function", name: "weather", parameters: WEATHER, strict: true }] }),
    ...(question.limitTokens && { max_output_tokens: question.limitTokens }),
  };
  let answer;
  let pieces = 1;
  if (streams) {
    const events = [];
    for await (const event of await client.responses.create({ ...request, stream: true })) events.push(event);
    pieces = events.filter((event) => event.type === "response.output_text.delta").length;
    answer = events.at(-1).response; // which repeats it all
    answer.output_text = textOf(answer.output);
  } else {
    answer = await client.responses.create(request);
  }
  const call = answer.output.find((item) => item.type === "function_call");
  return {
    text: answer.output_text,
    stop: answer.incomplete_details?.reason ?? answer.status,
    usage: [answer.usage.input_tokens, answer.usage.output_tokens],
    call: call && [call.name, JSON.parse(call.arguments)],
    id: call?.call_id,
    pieces,
    message: answer.output,
  };
}

function textOf(output) {
  const messages = output.filter((item) => item.type === "message");
  return messages.flatMap((item) => item.content.map((part) => part.text)).join("");
}

async function embed(model, texts) {
  const answer = await client.embeddings.create({ model, input: texts });
  return { vectors: answer.data.map((item) => item.embedding), usage: answer.usage.prompt_tokens };
}

// --- the cases -----------------------------------------------------------------------------------------------------

async function toolCall(speak, question, streams) {
  const asked = { ...question, offersTool: true };
  const first = await speak(asked, streams);
  const final = await speak({ ...asked, earlier: first }, streams);
  return { call: first.call, stop: first.stop, final: final.text };
}

const generating = {
  answer: async (speak, question) => {
    const { text, stop } = await speak(question, false);
    return { text, stop };
  },
  stream: async (speak, question) => {
    const { text, stop, pieces } = await speak(question, true);
    return { text, stop, is_in_pieces: pieces > 1 };
  },
  "tool call": (speak, question) => toolCall(speak, question, false),
  "streamed tool call": (speak, question) => toolCall(speak, question, true),
  "system prompt": async (speak, question) => ({ text: (await speak({ ...question, system: SYSTEM }, false)).text }),
  image: async (speak, question) => ({ text: (await speak(question, false)).text }),
  usage: async (speak, question) => ({
    whole: (await speak(question, false)).usage,
    stream: (await speak(question, true)).usage,
  }),
  limit: async (speak, question) => {
    const asked = { ...question, limitTokens: LIMIT_TOKENS };
    const answers = [await speak(asked, false), await speak(asked, true)];
    return { text: answers.map(({ text }) => text), stop: answers.map(({ stop }) => stop) };
  },
  error: async (speak, question) => ({
    whole: await raised(() => speak(question, false)),
    stream: await raised(() => speak(question, true)),
  }),
};

async function embedding({ model, text, case: name }) {
  if (name === "error") return { whole: await raised(() => embed(model, [text])) };
  const { vectors, usage } = await embed(model, [text, "two"]);
  return name === "usage" ? { usage } : { vectors };
}

async function raised(call) {
  try {
    await call();
  } catch (error) {
    return described(error);
  }
  return null;
}

function described(error) {
  const known = { exception: error.constructor.name, status: error.status ?? null, code: error.code ?? null };
  return error.status ? known : { ...known, message: String(error).slice(0, 500) };
}

const speakers = { "/v1/chat/completions": chat, "/v1/responses": response };

let given = "";
for await (const chunk of process.stdin) given += chunk;
const outcomes = {};
for (const asked of JSON.parse(given)) {
  try {
    outcomes[asked.number] =
      asked.endpoint === "/v1/embeddings"
        ? await embedding(asked)
        : await generating[asked.case](speakers[asked.endpoint], asked);
  } catch (error) {
    outcomes[asked.number] = described(error);
  }
}
console.log(JSON.stringify(outcomes));
