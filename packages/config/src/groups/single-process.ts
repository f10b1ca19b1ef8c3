import { group } from '../group.ts';
import { text } from '../kinds.ts';
import { withDefault } from '../setting.ts';

export const singleProcessSettings = group({
  title: 'Single-process mode',
  intro: 'For `npm start` and `carillon dev`, beside the settings of the services.',
  settings: {
    dataDir: withDefault(text(/^[^\0]{1,4096}$/, 'a directory'), '.carillon/', {
      variable: 'CARILLON_DATA_DIR',
      description: 'Where messages and jobs are kept on disk.',
      example: '/var/lib/carillon',
    }),
  },
});
