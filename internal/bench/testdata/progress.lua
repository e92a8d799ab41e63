-- Posts progress reports of many viewers over wrk's connections. The viewers are
-- divided among the threads; a thread increases the position after each round.
--
-- BENCH_LOGINS    a file with one viewer per line: Cookie header, tab, nonce
-- BENCH_PATH      the route
-- BENCH_POSITION  the first position; six digits, so that all bodies have the same length

local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
  thread:set("of", 2)
end

function init()
  local tail = ',"webinar_id":"intro"}'
  local length = #'{"position_sec":' + 6 + #tail
  heads, ending, current = {}, tail, 0
  position = tonumber(os.getenv("BENCH_POSITION"))
  local line_number = 0
  for line in io.lines(os.getenv("BENCH_LOGINS")) do
    if line_number % of == number then
      local cookie, nonce = line:match("^(.*)\t(.*)$")
      heads[#heads + 1] = "POST " .. os.getenv("BENCH_PATH") .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
        "\r\nContent-Type: application/json\r\nX-WP-Nonce: " .. nonce .. "\r\nCookie: " .. cookie ..
        "\r\nContent-Length: " .. length .. '\r\n\r\n{"position_sec":'
    end
    line_number = line_number + 1
  end
end

function request()
  current = current + 1
  if current > #heads then
    current, position = 1, position + 1
  end
  return heads[current] .. position .. ending
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\n{"requests":%d,"micros":%d,"p50_us":%d,"p99_us":%d,"rejected":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
