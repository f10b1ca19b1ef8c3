#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander';
import { CliError } from './cli-error.ts';
import { parseCount, parsePosition } from './output/position.ts';
import { err, note } from './output/style.ts';

/** An option's value; a CliError in reading it becomes commander's usage error. */
function reading<Value>(read: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      throw new InvalidArgumentError([error.message, error.hint].filter(Boolean).join('. '));
    }
  };
}

const collect = (value: string, before: string[]): string[] => [...before, value];

function talking(command: Command): Command {
  return command
    .option('--url <address>', 'gateway (CARILLON_URL; default: the running dev instance)')
    .option('--token <jwt>', 'token (CARILLON_TOKEN; default: minted for the dev instance)')
    .option('--user <id>', 'user of the minted token (default: your login)');
}

const json = () => new Option('--json', 'JSON lines (default when the output is not a terminal)');

const program = new Command('carillon')
  .description('Real-time messages in order, without loss, without duplicates.')
  .version('0.1.0')
  .showHelpAfterError('(carillon <command> --help shows what is allowed)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program
  .command('dev')
  .description('run everything in one process, for development and single-server use')
  .option('--timings', 'show how long each step of the start took')
  .action(async (flags) => (await import('./commands/dev.ts')).dev(flags));

talking(program.command('sub'))
  .description('print the messages of channels')
  .argument('<channel...>', 'e.g. chat:lobby')
  .addOption(json())
  .option('--count <n>', 'end after n messages', reading(parseCount))
  .option('--since <epoch:seq>', 'begin after this position', reading(parsePosition))
  .addOption(new Option('--encoding <name>', 'how frames come').choices(['json', 'protobuf']).default('json'))
  .action(async (channels, flags) => (await import('./commands/sub.ts')).sub(channels, flags));

talking(program.command('pub'))
  .description('publish a message, or each line of stdin')
  .argument('<channel>', 'e.g. chat:lobby')
  .argument('[payload]', 'JSON or text; - or a pipe: each line of stdin is a message')
  .addOption(json())
  .option('--text', 'send as a string even what looks like JSON')
  .option('--event <name>', 'name of what happened, e.g. trade.executed')
  .option('--stored', 'wait until the message is in the database')
  .option('--count <n>', 'publish the payload n times', reading(parseCount))
  .action(async (channel, payload, flags) =>
    (await import('./commands/pub.ts')).pub(channel, payload, flags),
  );

talking(program.command('history'))
  .description('print the latest messages of a channel')
  .argument('<channel>')
  .addOption(json())
  .option('--limit <n>', 'how many', reading(parseCount), 20)
  .option('--after <epoch:seq>', 'those after this position', reading(parsePosition))
  .option('--before <epoch:seq>', 'those before this position', reading(parsePosition))
  .action(async (channel, flags) => (await import('./commands/history.ts')).history(channel, flags));

program
  .command('token')
  .description('mint a token for development')
  .option('--user <id>', 'user id (default: your login)')
  .addOption(
    new Option('--can <pattern=actions>', "e.g. 'chat:*=subscribe,publish'; repeatable")
      .argParser(collect)
      .default([], 'all channels and methods'),
  )
  .option('--ttl <duration>', 'how long it is valid, e.g. 15m, 8h', '1h')
  .action(async (flags) => (await import('./commands/token.ts')).token(flags));

talking(program.command('bench'))
  .description('measure a deployment: latency, throughput, losses')
  .option('--clients <n>', 'connections that listen', '100')
  .option('--rate <n>', 'messages a second in all', '100')
  .option('--payload <bytes>', 'size of a message', '100')
  .option('--duration <duration>', 'how long messages are published', '10s')
  .option('--ramp-up <duration>', 'over which clients connect', '0')
  .option('--channels <n>', 'how many; clients are spread over them, at least one on each', '1')
  .option('--channel <name>', 'its name, or how their names begin', 'bench:carillon')
  .option('--publishers <n>', 'connections that publish, at most one for each channel', '1')
  .addOption(
    new Option('--stress', 'publish as fast as messages are accepted, instead of --rate').conflicts('rate'),
  )
  .option('--anonymous', 'without tokens: what does authentication cost?')
  .addOption(
    new Option('--output <format>', 'how the result is printed').choices(['text', 'json']).default('text'),
  )
  .addOption(new Option('--json', 'the same as --output json').implies({ output: 'json' }))
  .addOption(
    new Option('--log-level <level>', 'what is told meanwhile')
      .choices(['silent', 'info', 'debug'])
      .default('info'),
  )
  .action(async (flags) => (await import('./bench/bench.ts')).bench(flags));

const administering = (command: Command): Command =>
  command
    .option('--admin-url <address>', 'admin API (CARILLON_ADMIN_URL; default: the running dev instance)')
    .option('--admin-token <token>', 'its token (CARILLON_ADMIN_TOKEN)');
const choosing = (command: Command): Command =>
  administering(command)
    .addOption(new Option('--kind <kind>', 'only these').choices(['message', 'webhook']))
    .option('--endpoint <name>', 'only those of a webhook endpoint')
    .option('--app <app>', 'only those of an app')
    .option('--channel <channel>', 'only those of a channel');

const deadLetters = program
  .command('dead-letters')
  .description('what could not be stored or delivered to a webhook');

choosing(deadLetters.command('list'))
  .description('print dead letters, the latest first')
  .addOption(json())
  .option('--limit <n>', 'how many, at most 500', reading(parseCount), 100)
  .option('--after <cursor>', 'go on after this one')
  .action(async (flags) => (await import('./commands/dead-letters.ts')).listDeadLetters(flags));

administering(deadLetters.command('show'))
  .description('print one with its content')
  .argument('<id>')
  .action(async (id, flags) => (await import('./commands/dead-letters.ts')).showDeadLetter(id, flags));

choosing(deadLetters.command('replay'))
  .description('have deliveries tried again, messages stored')
  .argument('[id...]')
  .option('--all', 'all of them')
  .option('--limit <n>', 'how many, at most 500', reading(parseCount), 500)
  .action(async (ids, flags) => (await import('./commands/dead-letters.ts')).replayDeadLetters(ids, flags));

administering(program.command('nodes'))
  .description('print every process of the installation, and how it is')
  .addOption(json())
  .addOption(
    new Option('--service <name>', 'only these').choices(['gateway', 'router', 'persistence', 'admin']),
  )
  .action(async (flags) => (await import('./commands/nodes.ts')).listNodes(flags));

const gateway = program.command('gateway').description('what operators do to gateways');
const ofGateway = (name: string): Command =>
  administering(gateway.command(name))
    .argument('<id>', 'as `gateway list` shows it, or its beginning')
    .addOption(json());

administering(gateway.command('list'))
  .description('print the gateways')
  .addOption(json())
  .action(async (flags) => (await import('./commands/gateway.ts')).listGateways(flags));

ofGateway('drain')
  .description('have its clients reconnect elsewhere, and take no new ones')
  .option('--rate <n>', 'clients a second', reading(parseCount), 100)
  .option('--stop', 'end the drain: those that are left stay, new ones are taken')
  .option('--no-wait', 'do not wait until nobody is left')
  .action(async (id, flags) => (await import('./commands/gateway.ts')).drainGateway(id, flags));

ofGateway('refuse-new')
  .description('have it refuse new connections; those it has stay')
  .action(async (id, flags) => (await import('./commands/gateway.ts')).setNewConnections(id, false, flags));

ofGateway('accept')
  .description('have it take new connections again')
  .action(async (id, flags) => (await import('./commands/gateway.ts')).setNewConnections(id, true, flags));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  note(`${err.red('✗')} ${error.message}`);
  if (error.hint !== undefined) note(`  ${err.dim(error.hint)}`);
  process.exit(error.exitCode);
}
