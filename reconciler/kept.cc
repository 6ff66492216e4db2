// The part of Reconciler that keeps things in the state folder: last good manifests, what was
// shared out, what came of earlier tries; and lets people ask for another one.

#include <utility>

#include "reconciler/reconciler.h"

namespace fairlead {
namespace {

constexpr std::chrono::seconds save_again_after{10};

}  // namespace

void Reconciler::save(const std::string& name) {
  const auto entry = catalog_.entries().find(name);
  keep("manifests", name, entry == catalog_.entries().end() ? "" : encode_last_good(entry->second));
}

// An empty text is as no file.
void Reconciler::keep(const std::string& folder, const std::string& name, const std::string& text) {
  if (options_.mode == Mode::plan) return;
  FileCall call;
  if (text.empty()) call.act = FileCall::Act::remove;
  call.path = folder + "/" + name + ".json";
  call.content = Secret(text);
  expect(send(std::move(call)), {Expected::For::save, name, 0, folder, 0, {}});
}

void Reconciler::take_save(const Expected& expected, const Answer& answer) {
  if (answer.ok() || answer.status == 404) {
    unsaved_.files.erase({expected.key, expected.owner});
    if (unsaved_.files.empty()) unsaved_.why.clear();
    return;
  }
  unsaved_.files.insert({expected.key, expected.owner});
  unsaved_.due = now_.steady + save_again_after;
  if (!unsaved_.why.empty()) return;
  unsaved_.why = "the last good copies of manifests cannot be kept in " + platform_->folders.state +
                 ": " + answer.error + "; free some space or make the folder writable";
  LogRecord record;
  record.level = LogRecord::Level::error;
  record.verb = "save";
  record.cause = unsaved_.why;
  log(std::move(record));
}

void Reconciler::save_again() {
  unsaved_.due = never;
  for (const auto& [folder, name] : unsaved_.files) {
    if (folder == updates_folder) {
      keep(folder, name, updates_.encode(name));
    } else if (folder == images_folder) {
      keep(folder, name, images_.encode(name));
    } else if (folder == hosts_folder) {
      keep(folder, name, owners_.encode(name));
    } else if (folder == names_folder) {
      keep(folder, name, catalog_.names().encode());
    } else if (folder == schemes_folder) {
      keep(folder, name, schemes_.encode());
    } else if (folder == served_folder) {
      keep(folder, name, served_.encode(name));
    } else if (folder == local_folder) {
      keep(folder, name, local_.encode(name));
    } else if (folder == deaths_folder) {
      keep(folder, name, "");
    } else if (folder == trials_folder) {
      keep(folder, name, app(name).memory.trials.encode());
    } else {
      save(name);
    }
  }
}

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
