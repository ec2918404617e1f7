-- wrk's part of serving.py: one row a request from the file named by ROWS, and how many answers were not 200.
local rows, at = {}, 0
for line in io.lines(os.getenv("ROWS")) do rows[#rows + 1] = line end

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function request()
  at = at % #rows + 1
  return wrk.format(nil, nil, nil, rows[at])
end

function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %f %f %f %f\n", summary.requests, summary.duration,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max))
end
