// Schedules a job, follows it to its end, and prints its output: `npx tsx jobs.ts URL TOKEN_FILE NAME [PARAMETERS]`
import { readFileSync } from "node:fs";

const [url, tokenFile, name, parameters = "{}"] = process.argv.slice(2);
const authorization = `Bearer ${readFileSync(tokenFile, "utf8").trim()}`;

async function ask(path: string, headers = {}, init = {}): Promise<Response> {
    const all = { authorization, "content-type": "application/json", ...headers };
    const answer = await fetch(`${url}/api${path}`, { headers: all, ...init });
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
}

async function* events(id: number): AsyncGenerator<{ kind: string; data: any }> {
    for (let known = {}; ; ) { // The server ends a stream after ten minutes. The next one goes on after the last event.
        try {
            let text = ""; // the beginning of the next event
            const { body } = await ask(`/jobs/${id}/events`, known);
            for await (const part of body!.pipeThrough(new TextDecoderStream()) as any) {
                const blocks = (text + part).split("\n\n");
                text = blocks.pop()!;
                for (const block of blocks.filter((block) => block.includes("data: "))) {
                    const pairs = block.split("\n").map((line) => line.match(/^(\w+): (.*)$/s)!.slice(1));
                    const { id, event, data } = Object.fromEntries(pairs);
                    known = { "last-event-id": id };
                    yield { kind: event, data: JSON.parse(data) };
                }
            }
        } catch (error) { // The connection is lost, or the server starts again: `fetch` throws no other error.
            if (!(error instanceof TypeError)) throw error;
            await new Promise((resolve) => setTimeout(resolve, 1000));
        }
    }
}

(async () => {
    // However often it is sent with the same key, there is one job.
    const body = JSON.stringify({ name, parameters: JSON.parse(parameters) });
    const job: any = await (await ask("/jobs", { "idempotency-key": crypto.randomUUID() }, { method: "POST", body })).json();
    for await (const { kind, data } of events(job.id)) {
        if (kind === "message") console.error(data.text);
        if (kind === "end" && data.status === "terminated") return console.log(JSON.stringify(data.results.output));
        if (kind === "end" || kind === "problem") throw new Error(JSON.stringify(data));
    }
})();
