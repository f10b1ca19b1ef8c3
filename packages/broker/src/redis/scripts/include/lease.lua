-- Is the partition still held with this fencing number?
local function holds_lease(base, owner, fence)
  local lease = redis.call('HMGET', base .. 'lease', 'o', 'f')
  return lease[1] == owner and lease[2] == fence
end

-- Stream ids are <ms>-<n>; both parts count.
local function is_after(a, b)
  local a_ms, a_n = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_n = string.match(b, '^(%d+)-(%d+)$')
  if a_ms ~= b_ms then return tonumber(a_ms) > tonumber(b_ms) end
  return tonumber(a_n) > tonumber(b_n)
end
