"""Schedules a job, follows it to its end, and prints its output: `python3 jobs.py URL TOKEN_FILE NAME [PARAMETERS]`"""
import http.client, json, sys, time, urllib.error, urllib.request, uuid

url, token_file, name, parameters = (sys.argv[1:] + ["{}"])[:4]
authorization = {"Authorization": "Bearer " + open(token_file).read().strip()}

def ask(path, body=None, headers={}):
    headers = authorization | {"Content-Type": "application/json"} | headers
    try:
        request = urllib.request.Request(f"{url}/api{path}", body and json.dumps(body).encode(), headers)
        return urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())

def events(id):
    known = {}
    while True:  # The server ends a stream after ten minutes. The next one goes on after the last event.
        try:
            event = {}
            for line in ask(f"/jobs/{id}/events", headers=known):
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if value:
                    event[field] = value
                elif "data" in event:
                    known = {"Last-Event-ID": event.get("id", "")}
                    yield event["event"], json.loads(event["data"])
                    event = {}
        except (OSError, http.client.HTTPException):  # The connection is lost, or the server starts again.
            time.sleep(1)

key = {"Idempotency-Key": str(uuid.uuid4())}  # However often it is sent with the same key, there is one job.
job = json.load(ask("/jobs", {"name": name, "parameters": json.loads(parameters)}, key))
for kind, data in events(job["id"]):
    if kind == "message":
        print(data["text"], file=sys.stderr)
    elif kind == "end" and data["status"] == "terminated":
        print(json.dumps(data["results"].get("output")))
        break
    elif kind in ("end", "problem"):
        sys.exit(json.dumps(data))
