#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "providers/docker/docker.h"
#include "providers/mariadb/mariadb.h"
#include "providers/nginx/nginx.h"
#include "providers/rabbitmq/rabbitmq.h"
#include "reconciler/app.h"
#include "reconciler/catalog.h"
#include "reconciler/cli/print.h"
#include "reconciler/cli/verbs.h"
#include "reconciler/live/folder.h"
#include "reconciler/live/platform_file.h"
#include "reconciler/reference.h"
#include "reconciler/resolve.h"

namespace fairlead::cli {
namespace {

struct Found {
  std::vector<std::string> errors;
  std::vector<std::string> notes;
  std::vector<std::string> warnings;
  std::map<std::string, std::string> owners;  // app → where it stands
  int apps = 0;
};

// Checks manifests as the daemon would, as far as they show.
class Check {
 public:
  explicit Check(const std::string& platform_file)
      : platform_(live::load_platform(platform_file).platform) {
    providers_.push_back(mariadb::make_provider(keys_));
    providers_.push_back(rabbitmq::make_provider(keys_));
    providers_.push_back(nginx::make_provider(keys_));
    providers_.push_back(docker::make_provider(keys_));
  }

  void file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in || !std::filesystem::is_regular_file(path)) {
      found_.errors.push_back(path + ": cannot be read");
      return;
    }
    text(path, {std::istreambuf_iterator<char>(in), {}});
  }

  void folder(const std::string& path) {
    const auto reading = live::FolderReader({path}).read(nullptr);
    if (reading->state != FolderReading::State::ok) {
      found_.errors.push_back(path + ": " + reading->message);
      return;
    }
    Catalog catalog;
    CatalogRules rules;
    rules.ignore = platform_.folders.ignore;
    catalog.read(*reading, rules);
    for (const auto& [file, why] : catalog.ignored()) {
      found_.notes.push_back("note: " + file + " is ignored: " + why);
    }
    for (const ManifestFile& file : reading->files) {
      if (catalog.ignored().count(file.path) > 0) continue;
      if (file.path == ignore_file) {
        const IgnoreList list = IgnoreList::parse(*file.text);
        for (const Error& error : list.errors()) found_.errors.push_back(error.text());
      } else if (file.text) {
        text(file.path, *file.text);
      } else {
        found_.errors.push_back(file.path + ": " + file.error);
      }
    }
  }

  const Found& found() const { return found_; }

 private:
  void text(const std::string& file, const std::string& text) {
    const ParsedManifest manifest = parse_manifest(file, text);
    for (const Error& error : manifest.errors) found_.errors.push_back(error.text());
    for (const ParsedApp& app : manifest.apps) check(file, app);
  }

  void check(const std::string& file, const ParsedApp& app) {
    ++found_.apps;
    for (const Error& warning : app.app ? app.app->warnings : std::vector<Error>()) {
      found_.warnings.push_back(warning.text());
    }
    if (app.name.empty()) return;
    const std::string place = app.app ? app.app->where("name") : file;
    const auto [owner, fresh] = found_.owners.emplace(app.name, place);
    if (!fresh) {
      found_.errors.push_back(place + ": name: " + app.name + " is taken by " + owner->second +
                              "; give it another name");
    }
    if (!app.app) return;
    const auto refused = refused_anywhere(providers_, *app.app, platform_);
    if (refused) found_.errors.push_back(refused->text());
  }

  // What is derived from a key is never shown here.
  const Keys keys_{std::string(16, '0'), Secret(std::string(32, '0'))};
  Platform platform_;
  Providers providers_;
  Found found_;
};

}  // namespace

int validate(const Common& common, const std::string& path) {
  Check check(common.config);
  if (std::filesystem::is_directory(path)) {
    check.folder(path);
  } else {
    check.file(path);
  }
  const Found& found = check.found();
  if (common.json) {
    print(Json::object({{"valid", found.errors.empty()},
                        {"apps", found.apps},
                        {"errors", Json(found.errors)},
                        {"notes", Json(found.notes)},
                        {"warnings", Json(found.warnings)}})
              .pretty() +
          "\n");
  } else {
    for (const std::string& note : found.notes) print(note + "\n");
    for (const std::string& error : found.errors) print(error + "\n");
    for (const std::string& warning : found.warnings) print("warning: " + warning + "\n");
    if (found.errors.empty())
      print(std::to_string(found.apps) + (found.apps == 1 ? " app" : " apps") + ", all valid\n");
  }
  return found.errors.empty() ? 0 : 1;
}

int reference() {
  print(manifest_reference_markdown());
  return 0;
}

}  // namespace fairlead::cli
