/**
 * Does a lesson from top to bottom as a learner would: locks each prediction in
 * where it stands, presses each button, and runs each scenario on each server that
 * it is offered for. Returns what became of the predictions.
 */
(async () => {
  const { evaluate, matches, right } = await import("/static/predict.js");
  const measures = ["ws-ways", "ws-streams", "ws-chat"]; // their first button runs them, and their status says when they are done
  await Promise.all(["ws-predict", "ws-do", "ws-play", "ws-stack", "ws-checks", "ws-doors", ...measures].filter((tag) => document.querySelector(tag)).map((tag) => customElements.whenDefined(tag)));
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const { session, cursor } = document.querySelector("ws-lab").lab;
  const plays = () => session.rows.plays.byId;
  const problems = [];

  /** Until no event has come for a while: only so that one action is done before the next. */
  const calm = async () => {
    for (let last = -1; last !== session.history.last; await pause(120)) last = session.history.last;
  };

  /** What cannot be done yet is pressed again. A broken server's connection must fail. */
  const press = async (button) => {
    const block = button.closest("ws-do");
    const action = JSON.parse(button.dataset.do);
    for (let n = 0; ; n++) {
      await block.act(action);
      await calm();
      const said = block.querySelector("output");
      if (!said.classList.contains("failed") || action.broken) return;
      if (n > 40) throw new Error(`${button.textContent}: ${said.textContent}`);
      await pause(250);
    }
  };

  const run = async (block, endpoint) => {
    block.endpoint = endpoint;
    await block.start(-1);
    const { play } = block.begun;
    while (!(plays().get(play)?.over < Infinity)) await pause(50);
    const { error } = plays().get(play);
    if (error) problems.push(`${block.settings.scenario} on ${endpoint}: ${error}`);
    await calm();
  };

  const measure = async (block) => {
    block.querySelector("button.primary").click();
    while (!/^[✔×]/.test(block.querySelector(".status").textContent)) await pause(50);
    if (!/^✔/.test(block.querySelector(".status").textContent)) problems.push(`${block.localName}: ${block.querySelector(".status").textContent}`);
    await calm();
  };

  const knock = async (block) => {
    await block.attempt();
    while (block.clients.length && !block.over) await pause(50);
    const said = block.querySelector("output");
    if (said.classList.contains("failed")) problems.push(`${block.run}: ${said.textContent}`);
    await calm();
  };

  const asked = [...document.querySelectorAll("article ws-predict")];
  for (const q of asked) q.answer = undefined;
  for (const block of document.querySelectorAll(["article ws-predict", "article ws-do button", "article ws-play", "article ws-stack", "article ws-checks", "article ws-doors", ...measures])) {
    block.scrollIntoView();
    if (block.localName === "ws-predict") {
      block.chosen = 0;
      block.commit();
      if (block.answered) problems.push(`${block.question.id} is answered where it is asked: the page showed it before`);
    } else if (block.localName === "button") await press(block);
    else if (block.localName === "ws-stack" || block.localName === "ws-checks") {
      await (block.localName === "ws-stack" ? block.go() : block.run());
      await calm();
      const said = block.querySelector("output");
      if (said.classList.contains("failed")) problems.push(said.textContent);
    } else if (measures.includes(block.localName)) await measure(block);
    else if (block.localName === "ws-doors") await knock(block);
    // A browser takes up to a minute for an ending; other tests run those.
    else if (!block.settings.tutorials) {
      const { endpoint } = block.settings;
      for (const server of endpoint === "naive" ? ["naive", "reference", "gorilla"] : block.servers) await run(block, server);
    }
  }
  // Until all are answered, or nothing comes any more.
  for (let n = 0; n < 40 && asked.some((q) => !q.answered); n++) await calm();

  const questions = asked.map(({ question, answered, answer }) => {
    const by = {};
    for (const e of [...session.history.events, ...session.results]) {
      const about = asked[0].context(e);
      if (by[about.endpoint] || !matches(question.about, e, about)) continue;
      const is = right(question, e, about);
      if (is.includes(true)) by[about.endpoint] = { right: is, value: String(evaluate(question.value, e, about)) };
    }
    const text = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent.replace(/\s+/g, " ");
    return {
      ...question,
      ask: text(question.ask),
      explain: text(question.explain),
      choices: question.choices.map((c) => ({ is: c.is, text: text(c.text) })),
      answered,
      right: answer?.right || [],
      by,
    };
  });
  return JSON.stringify({ problems, questions, endpoints: cursor.endpoints });
})()
