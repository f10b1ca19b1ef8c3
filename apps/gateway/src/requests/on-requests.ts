import { encodeFrame, errorFrame, toCarillonError } from '../egress/server-frames.ts';
import type { Handler } from '../ingress/frame-handlers.ts';

/** [RQ1] Later frames don't wait for the answer. */
export const onRequest: Handler<'request'> = ({ requests }, connection, frame) => {
  requests.attach(connection);
  requests.asking.ask(connection, frame);
  return undefined;
};

/** [RQ5] */
export const onCancel: Handler<'cancel'> = ({ requests }, connection, { re }) => {
  requests.asking.cancel(connection, re);
  return undefined;
};

/** [WK1] Later frames don't wait: they may be answers. */
export const onServe: Handler<'serve'> = ({ requests }, connection, frame) => {
  requests.attach(connection);
  void requests.workers.serve(connection, frame).then(
    () => connection.sendFrame(encodeFrame({ type: 'serving', re: frame.id, methods: frame.methods })),
    (error: unknown) => connection.sendFrame(errorFrame(toCarillonError(error), frame.id)),
  );
  return undefined;
};

/** [WK5] What is wrong with it harms nobody else: it isn't counted among the invalid frames, a late answer being no crime. */
export const onResponse: Handler<'response'> = ({ requests }, connection, frame) => {
  try {
    requests.workers.onResponse(connection, frame);
  } catch (error) {
    connection.sendFrame(errorFrame(toCarillonError(error), frame.id));
  }
  return undefined;
};
