#include <doctest/doctest.h>

#include "tests/manifest_folder.h"

using namespace fairlead;
using namespace fairlead::testing;

TEST_CASE("class 20: a name goes to nobody else while its owner's file is moved about") {
  Folder folder;
  const std::string text = app("own") + "needs: [storage]\n";
  folder.files = {{"a/x.yml", text}, {"b/own.yml", text}};
  folder.read();
  CHECK(folder.entry("own").source == "a/x.yml");
  folder.files = {{"a/y.yml", text}, {"b/own.yml", text}};
  folder.read();
  CHECK(folder.entry("own").source == "a/y.yml");
  CHECK(folder.catalog.claims().empty());
  folder.files = {{"b/own.yml", text}};
  folder.read();
  CHECK(folder.entry("own").source == "a/y.yml");
  CHECK(folder.absent() == "own ");
  REQUIRE(folder.catalog.claims().count("own") == 1);
  CHECK(folder.catalog.claims().at("own").owner == "b");
}

TEST_CASE("a file that goes when another owner's comes with its name is moved") {
  Folder folder;
  const std::string text = app("own") + "needs: [storage]\n";
  folder.files = {{"a/own.yml", text}};
  folder.read();
  folder.files = {{"b/own.yml", text}};
  folder.read();
  CHECK(folder.absent().empty());
  CHECK(folder.entry("own").moved);
  Catalog later;
  later.restore({{"own", encode_last_good(folder.entry("own"))}});
  later.read(folder.reading());
  CHECK(later.absent().empty());
  folder.files.clear();
  folder.read();
  CHECK(folder.absent() == "own ");
}

TEST_CASE("a manifest that was never good takes no name") {
  Folder folder;
  folder.files = {{"a/x.yml", "name: own\n"}};
  folder.read();
  folder.files["b/own.yml"] = app("own");
  folder.files.erase("a/x.yml");
  folder.read();
  CHECK(folder.entry("own").source == "b/own.yml");
}
