-- Asks persistence whether messages are stored, whose first question may be lost. KEYS[1] partition base   ARGV gateway that is to be told, then
-- per message `<channel>\n<epoch>:<seq>\n<id>`   Reply: 1.
for at = 2, #ARGV do
  redis.call('XADD', KEYS[1] .. 'log', '*', 'm', ARGV[at], 'o', ARGV[1], 'k', '1')
end
return 1
