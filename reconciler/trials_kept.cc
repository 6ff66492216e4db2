// The part of Reconciler that remembers what came of earlier tries, and lets people ask for another
// one.

#include <utility>

#include "reconciler/reconciler.h"

namespace fairlead {

void Reconciler::keep_trials(AppState& state) {
  std::string text = state.memory.trials.encode();
  if (text == state.trials_kept) return;
  keep(trials_folder, state.name, text);
  state.trials_kept = std::move(text);
}

// "blog": what failed of it; "blog.migrate": that process, whatever came of it.
Reply Reconciler::retry(const Command& command) {
  const auto word = command.words.find("app");
  const std::string text = word == command.words.end() ? "" : word->second;
  const std::size_t dot = text.find('.');
  const std::string process = dot == text.npos ? "" : text.substr(dot + 1);
  const auto found = apps_.find(text.substr(0, dot));
  Reply reply;
  if (found != apps_.end() && process.empty() && quarantine_.release(found->first)) {
    keep(deaths_folder, found->first, "");
    want({found->first});
    reply.body = Json::object({{"retried", text}});
    return reply;
  }
  if (found == apps_.end() || !found->second.wanted) {
    reply.status = 404;
    reply.body = Json::object({{"error", "there is no app " + text.substr(0, dot) +
                                             "; `fairlead status` lists those there are"}});
    return reply;
  }
  AppState& state = found->second;
  const bool image = process.empty() && local_.forgive(state.name);
  if (image) look_at_tags({{state.wanted->app->image, ""}});
  if (!state.memory.trials.retry(process) && !image) {
    reply.status = 409;
    reply.body = Json::object(
        {{"error", "nothing of " + text + " has failed or run to its end; `fairlead explain " +
                       state.name + "` says what it does"}});
    return reply;
  }
  keep_trials(state);
  const std::string counter = process.empty() ? retry_asked : retry_asked + (" " + process);
  state.memory.counters[counter] = {1, now_.steady};
  state.retries.clear();
  mark_dirty(state, now_.steady);
  reply.body = Json::object({{"retried", text}});
  return reply;
}

}  // namespace fairlead
