/** A worker in a process of its own, to be killed. argv: url, secret, method. */
import { createWorker } from '@carillon/server';

const [url = '', jwtSecret = '', method = ''] = process.argv.slice(2);
const worker = createWorker({
  url,
  jwtSecret,
  methods: {
    [method]: () => {
      process.stdout.write('began\n');
      return new Promise(() => undefined);
    },
  },
});
await worker.start();
process.stdout.write('serving\n');
