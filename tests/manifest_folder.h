#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "reconciler/catalog.h"

// A manifest folder in memory, for tests of what a Catalog makes of it.
namespace fairlead::testing {

inline std::string text(const std::set<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : " ") + name;
  return joined;
}

inline std::string app(const std::string& name, const std::string& tag = "1") {
  return "name: " + name + "\nimage: acme/" + name + ":" + tag + "\n";
}

// A folder whose files are changed in place, and the catalog that reads it.
struct Folder {
  std::map<std::string, std::string> files;       // path → text
  std::map<std::string, std::string> unreadable;  // path → why
  Catalog catalog;

  FolderReading reading() const {
    FolderReading made;
    made.folder = "/m";
    for (const auto& [path, content] : files) {
      made.files.push_back({path, std::make_shared<const std::string>(content), ""});
    }
    for (const auto& [path, why] : unreadable) made.files.push_back({path, nullptr, why});
    std::sort(made.files.begin(), made.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return made;
  }
  // What changed: "blog shop; saved blog".
  std::string read() {
    const Catalog::Change change = catalog.read(reading());
    return text(change.changed) + (change.saved.empty() ? "" : "; saved " + text(change.saved));
  }
  const Catalog::Entry& entry(const std::string& name) const {
    REQUIRE(catalog.entries().count(name) == 1);
    return catalog.entries().at(name);
  }
  std::string image(const std::string& name) const { return entry(name).app->image; }
  std::string absent() const {
    std::string names;
    for (const std::string& name : catalog.absent()) names += name + " ";
    return names;
  }
};

}  // namespace fairlead::testing
