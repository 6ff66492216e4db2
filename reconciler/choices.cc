// The part of Reconciler that decides which image an app runs, where its image follows a registry.

#include <utility>

#include "reconciler/reconciler.h"

namespace fairlead {
namespace {

// Shorter than the control socket waits for a reply.
constexpr std::chrono::seconds registry_patience{8};

}  // namespace

void Reconciler::ask_registries() {
  if (options_.mode == Mode::plan) return;
  for (Updates::Question& question : updates_.wake(now_, *platform_)) {
    if (!question.call) {
      follow(updates_.take(question.ticket, Answer{}, now_));
      continue;
    }
    expect(send(std::move(*question.call)),
           {Expected::For::update, question.app, 0, "", question.ticket, {}});
  }
}

// A plan asks nobody and shows what would be run without an answer.
bool Reconciler::undecided(const std::string& name) const {
  return options_.mode != Mode::plan && updates_.undecided(name);
}

void Reconciler::want_image(const Catalog::Entry& entry) {
  const std::string& name = entry.app->name;
  const std::string kept = updates_.encode(name);
  updates_.want(*entry.app, entry.text, now_);
  const std::string text = updates_.encode(name);
  if (text != kept) keep(updates_folder, name, text);
  local_.want(name, image_of(*entry.app));
}

// At the moment of a diff, when what is wanted and what is reported belong together.
void Reconciler::judge_choice(const AppState& state) {
  if (!state.wanted || state.removing) return;
  const std::string& image = state.wanted->app->image;
  const Report& report = state.report;
  // While an image is read, or cannot be used, the graph is of the one before.
  const bool as_wanted = state.to_read.empty() && state.frozen.empty();
  if (report.gate_failed) {
    follow(updates_.failed(state.name, image, report.message));
    if (as_wanted && local_.failed(state.name, report.message)) want({state.name});
    return;
  }
  const bool serves = report.health == HealthState::healthy && state.plan.empty() &&
                      report.running == report.wanted;
  if (!serves) return;
  follow(updates_.passed(state.name, image));
  if (as_wanted) local_.passed(state.name);
}

void Reconciler::follow(const Updates::Change& change) {
  for (const LogRecord& record : change.log) log(record);
  for (const std::string& name : change.save) keep(updates_folder, name, updates_.encode(name));
  want({change.resolve.begin(), change.resolve.end()});
}

void Reconciler::forget_choice(const std::string& name) {
  const bool kept = !updates_.encode(name).empty();
  updates_.forget(name);
  if (kept) keep(updates_folder, name, "");
  local_.forget(name);
  served_.set(name, {});
  const std::string read = images_.encode(name);
  images_.forget(name);
  keep_image(name, read);
}

// An earlier process may have ended in the middle of a removal.
void Reconciler::forget_strays() {
  for (const auto* kept :
       {&options_.choices, &options_.images, &options_.local, &options_.served}) {
    for (const LastGood& stray : *kept) {
      if (catalog_.entries().count(stray.name) == 0) forget_choice(stray.name);
    }
  }
  for (const LastGood& stray : options_.trials) {
    if (catalog_.entries().count(stray.name) > 0) continue;
    app(stray.name).memory.trials = Trials();
    keep_trials(app(stray.name));
    if (nothing_left(app(stray.name))) forgotten_.insert(stray.name);
  }
}

void Reconciler::list_images(const Command& command) {
  const auto word = command.words.find("app");
  const std::string name = word == command.words.end() ? "" : word->second;
  askers_[command.id] = {name, now_.steady + registry_patience};
  updates_.ask(name, now_);
  if (stopped_) answer_images(true);
}

void Reconciler::answer_images(bool all) {
  for (auto held = askers_.begin(); held != askers_.end();) {
    const auto& [command, asker] = *held;
    const bool asking = updates_.asking(asker.app);
    if (asking && !all && now_.steady < asker.until) {
      ++held;
      continue;
    }
    Reply reply;
    reply.command = command;
    const auto state = apps_.find(asker.app);
    reply.body =
        updates_.images(asker.app, state == apps_.end() ? Report() : state->second.report, now_);
    if (reply.body.is_null()) {
      reply.status = 404;
      reply.body = Json::object({{"error", "there is no app " + asker.app +
                                               "; `fairlead status` lists those there are"}});
    } else if (asking && reply.body["error"].as_string().empty()) {
      reply.body.set("error", "the registry has not answered yet; ask again in a moment");
    }
    send(std::move(reply));
    held = askers_.erase(held);
  }
}

}  // namespace fairlead
