// The part of Reconciler that keeps what it knows in the state folder.

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
      keep(folder, name, hosts_.encode());
    } else if (folder == mounts_folder) {
      keep(folder, name, mounts_.encode());
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

}  // namespace fairlead
