-- A page of the nodes, by id.
-- KEYS[1] base of the control port
-- ARGV service or '' for all, id after which the page begins, most nodes, ms after which a silent node is forgotten
-- Reply: {time of Redis in ms, 1 when there are more, (node, service, last seen in ms, status)...}
local base, wanted, after, limit, forget = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local found, seen_at, service_of = {}, {}, {}
local services = redis.call('HGETALL', base .. 'services')
for at = 1, #services, 2 do service_of[services[at]] = services[at + 1] end
local seen = redis.call('ZRANGEBYSCORE', base .. 'seen', '(' .. (now - forget), '+inf', 'WITHSCORES')
for at = 1, #seen, 2 do
  local node = seen[at]
  if node > after and service_of[node] and (wanted == '' or service_of[node] == wanted) then
    found[#found + 1] = node
    seen_at[node] = seen[at + 1]
  end
end
table.sort(found)

local reply = { now, #found > limit and 1 or 0 }
for at = 1, math.min(limit, #found) do
  local node = found[at]
  local status = redis.call('HGET', base .. 'statuses', node)
  for _, value in ipairs({ node, service_of[node], seen_at[node], status }) do
    reply[#reply + 1] = value
  end
end
return reply
