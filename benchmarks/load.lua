-- What wrk sends and how it tells what came back; the values stand in the environment.
--   LOAD_HOST, LOAD_KEY   the Host header and the API key
--   LOAD_CACHED           how many texts are asked for again and again
--   LOAD_NEW              out of 1,000 requests, how many ask for a text that nobody asked for before
local host, key = os.getenv("LOAD_HOST"), os.getenv("LOAD_KEY")
local cached, fresh = tonumber(os.getenv("LOAD_CACHED")), tonumber(os.getenv("LOAD_NEW"))
local threads = {}
local sent = 0
counts = {}
told = ""

local function asking(text)
  local body = '{"text":"' .. text .. '"}'
  return "POST /tts HTTP/1.1\r\nHost: " .. host .. "\r\nX-API-Key: " .. key ..
    "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

local known = {}
for number = 1, cached do known[number] = asking("欢迎使用AI语音合成功能，第" .. number .. "句。") end

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function request()
  sent = sent + 1
  if sent % 1000 < fresh then
    return asking("这一句没有人问过：" .. os.time() .. "，" .. number .. "，" .. sent .. "。")
  end
  return known[sent % cached + 1]
end

-- Only where statuses matter: reading every answer in Lua costs the client more than sending the request.
if os.getenv("LOAD_STATUSES") == "1" then
  function response(status)
    counts[status] = (counts[status] or 0) + 1
    local parts = {}
    for name, count in pairs(counts) do table.insert(parts, '"' .. name .. '":' .. count) end
    told = "{" .. table.concat(parts, ",") .. "}"
  end
end

function done(summary, latency)
  local seconds = summary.duration / 1e6
  local parts = {}
  for _, thread in ipairs(threads) do
    if thread:get("told") ~= "" then table.insert(parts, thread:get("told")) end
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.3f,"p50_ms":%.2f,"p99_ms":%.2f,"max_ms":%.2f,"refused":%d,"socket_errors":%d,"timeouts":%d,"statuses":[%s]}\n',
    summary.requests, seconds, latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    errors.status, errors.connect + errors.read + errors.write, errors.timeout, table.concat(parts, ",")))
end
