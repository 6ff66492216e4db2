#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "reconciler/app.h"
#include "reconciler/cli/print.h"
#include "reconciler/cli/verbs.h"
#include "reconciler/live/folder.h"
#include "reconciler/reference.h"

namespace fairlead::cli {
namespace {

struct Found {
  std::vector<std::string> errors;
  std::map<std::string, std::string> owners;  // app → where it stands
  int apps = 0;
};

void check_text(const std::string& file, const std::string& text, Found& found) {
  const ParsedManifest manifest = parse_manifest(file, text);
  for (const Error& error : manifest.errors) found.errors.push_back(error.text());
  for (const ParsedApp& app : manifest.apps) {
    ++found.apps;
    if (app.name.empty()) continue;
    const std::string place = app.app ? app.app->where("name") : file;
    const auto [owner, fresh] = found.owners.emplace(app.name, place);
    if (!fresh) {
      found.errors.push_back(place + ": name: " + app.name + " is taken by " + owner->second +
                             "; give it another name");
    }
  }
}

void check_file(const std::string& path, Found& found) {
  std::ifstream in(path, std::ios::binary);
  if (!in || !std::filesystem::is_regular_file(path)) {
    found.errors.push_back(path + ": cannot be read");
    return;
  }
  check_text(path, {std::istreambuf_iterator<char>(in), {}}, found);
}

void check_folder(const std::string& path, Found& found) {
  const auto reading = live::FolderReader({path}).read(nullptr);
  if (reading->state != FolderReading::State::ok) {
    found.errors.push_back(path + ": " + reading->message);
    return;
  }
  for (const ManifestFile& file : reading->files) {
    if (file.text) {
      check_text(file.path, *file.text, found);
    } else {
      found.errors.push_back(file.path + ": " + file.error);
    }
  }
}

}  // namespace

int validate(const Common& common, const std::string& path) {
  Found found;
  if (std::filesystem::is_directory(path)) {
    check_folder(path, found);
  } else {
    check_file(path, found);
  }
  if (common.json) {
    print(
        Json::object(
            {{"valid", found.errors.empty()}, {"apps", found.apps}, {"errors", Json(found.errors)}})
            .pretty() +
        "\n");
  } else {
    for (const std::string& error : found.errors) print(error + "\n");
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
