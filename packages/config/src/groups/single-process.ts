import { group } from '../group.ts';
import { choice, text } from '../kinds.ts';
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
    journalFsync: withDefault(choice(['everysec', 'always']), 'everysec', {
      variable: 'CARILLON_JOURNAL_FSYNC',
      description:
        'When accepted messages are brought to the disk. They are given to the operating system before `accepted` in both cases: a crash of Carillon loses none. `everysec`: a loss of power takes up to the last second, and channels then go on in new epochs. `always`: before `accepted`, which takes as long as the disk does.',
      example: 'always',
    }),
  },
});
