#include "reconciler/catalog.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tests/manifest_folder.h"

using namespace fairlead;
using namespace fairlead::testing;

TEST_CASE("before the first reading nothing may be removed") {
  const Catalog catalog;
  CHECK_FALSE(catalog.was_read());
  CHECK(catalog.hold() == "the manifests have not been read yet");
}

TEST_CASE("new and changed apps are told, unchanged ones are not") {
  Folder folder;
  folder.files = {{"blog.yml", app("blog")}, {"shop.yml", app("shop")}};
  CHECK(folder.read() == "blog shop; saved blog shop");
  CHECK(folder.read().empty());
  folder.files["blog.yml"] = app("blog", "2");
  CHECK(folder.read() == "blog; saved blog");
  CHECK(folder.image("blog") == "acme/blog:2");
  CHECK(folder.catalog.hold().empty());
}

TEST_CASE("comments, blank lines and the order of keys are no change, but marks follow") {
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  folder.read();
  folder.files["blog.yml"] = "# ours\n\nimage: acme/blog:1\nname: blog\n";
  CHECK(folder.read().empty());
  CHECK(folder.entry("blog").app->where("image") == "blog.yml:3");
}

TEST_CASE("a moved file is the same app") {
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  folder.read();
  folder.files = {{"team/b.yml", app("blog")}};
  CHECK(folder.read() == "blog; saved blog");
  CHECK(folder.entry("blog").source == "team/b.yml");
  CHECK(folder.absent().empty());
  CHECK(folder.entry("blog").doubles.empty());
}

TEST_CASE("the first owner of a name keeps it, whatever the order of paths") {
  Folder folder;
  folder.files["m.yml"] = app("blog", "first");
  folder.read();
  folder.files["a.yml"] = app("blog", "second");
  CHECK(folder.read() == "blog");
  CHECK(folder.image("blog") == "acme/blog:first");
  CHECK(folder.entry("blog").doubles == std::vector<std::string>{"a.yml"});
  CHECK(folder.read().empty());

  folder.files.erase("a.yml");
  CHECK(folder.read() == "blog");
  CHECK(folder.entry("blog").doubles.empty());
}

TEST_CASE("of two that come at once the lower path owns the name; with it gone the other does") {
  Folder folder;
  folder.files = {{"a.yml", app("blog", "a")}, {"b.yml", app("blog", "b")}};
  folder.read();
  CHECK(folder.image("blog") == "acme/blog:a");
  CHECK(folder.entry("blog").doubles == std::vector<std::string>{"b.yml"});
  folder.files.erase("a.yml");
  CHECK(folder.read() == "blog; saved blog");
  CHECK(folder.image("blog") == "acme/blog:b");
}

TEST_CASE("an app is absent when a whole reading lacks it, and forgotten only when told to") {
  Folder folder;
  folder.files = {{"blog.yml", app("blog")}, {"shop.yml", app("shop")}};
  folder.read();
  folder.files.erase("blog.yml");
  CHECK(folder.read().empty());
  CHECK(folder.absent() == "blog ");
  CHECK(folder.catalog.hold().empty());
  CHECK(folder.entry("blog").app->image == "acme/blog:1");
  folder.catalog.forget("blog");
  CHECK(folder.absent().empty());
  CHECK(folder.catalog.entries().count("blog") == 0);
}

TEST_CASE("an app that comes back unchanged is no longer absent") {
  Folder folder;
  folder.files = {{"blog.yml", app("blog")}, {"shop.yml", app("shop")}};
  folder.read();
  folder.files.erase("blog.yml");
  folder.read();
  folder.files["blog.yml"] = app("blog");
  folder.read();
  CHECK(folder.absent().empty());
}

TEST_CASE(
    "a broken file freezes its app on the last good version and holds the removals of its folder") {
  Folder folder;
  folder.files = {{"blog.yml", app("blog")}, {"shop.yml", app("shop")}};
  folder.read();
  folder.files["blog.yml"] = app("blog", "2") + "expose: [{port: 70000}]\n";
  folder.files.erase("shop.yml");
  CHECK(folder.read() == "blog");
  CHECK(folder.image("blog") == "acme/blog:1");
  REQUIRE(folder.entry("blog").errors.size() == 1);
  CHECK(folder.entry("blog").errors[0].text().find("blog.yml:3:") == 0);
  CHECK(folder.catalog.broken().count("blog.yml") == 1);
  CHECK(folder.absent() == "shop ");
  CHECK(folder.catalog.held("shop") ==
        "until all manifests can be read nothing is removed: blog.yml is broken");
  CHECK(folder.read().empty());

  folder.files["blog.yml"] = app("blog");
  CHECK(folder.read() == "blog");
  CHECK(folder.entry("blog").errors.empty());
  CHECK(folder.catalog.held("shop").empty());
}

TEST_CASE(
    "class 18: what is broken in one first-level folder holds up no other folder's removals") {
  Folder folder;
  folder.files = {{"team-a/deep/blog.yml", app("blog")},
                  {"team-a/wiki.yml", app("wiki")},
                  {"team-b/shop.yml", app("shop")},
                  {"site.yml", app("site")}};
  folder.read();
  folder.files = {{"team-a/deep/blog.yml", "name: ["}};
  folder.read();
  CHECK(folder.absent() == "shop site wiki ");
  CHECK(folder.catalog.held("shop").empty());
  CHECK(folder.catalog.held("site").empty());
  CHECK(folder.catalog.held("wiki") ==
        "until all manifests of the folder team-a can be read nothing of it is removed: "
        "team-a/deep/blog.yml is broken");
  CHECK_FALSE(folder.catalog.held("stray").empty());
}

TEST_CASE("A23: a folder that cannot be read speaks for all apps in it, and for nobody else's") {
  Folder folder;
  folder.files = {{"team-a/deep/blog.yml", app("blog")},
                  {"team-ab/shop.yml", app("shop")},
                  {"site.yml", app("site")}};
  folder.read();
  folder.files = {{"team-c/blog.yml", app("blog", "2")}};
  SUBCASE("a first-level one") {
    folder.unreadable["team-a"] = "more than 10,000 manifests";
    CHECK(folder.read() == "blog");
    CHECK(folder.absent() == "shop site ");
    CHECK(folder.image("blog") == "acme/blog:1");
    CHECK(folder.entry("blog").errors.front().text() == "team-a: more than 10,000 manifests");
    CHECK(folder.catalog.held("site") + folder.catalog.held("shop") == "");
    CHECK_FALSE(folder.catalog.held("blog").empty());
  }
  SUBCASE("the files that lie in the manifest folder itself") {
    folder.unreadable["."] = "more than 10,000 manifests";
    folder.read();
    CHECK(folder.absent() == "shop ");
    CHECK(folder.catalog.held("shop").empty());
    CHECK_FALSE(folder.catalog.held("site").empty());
  }
}

TEST_CASE("a file of which nothing can be read freezes all apps that it held") {
  Folder folder;
  folder.files["all.yml"] = app("blog") + "---\n" + app("shop");
  folder.read();
  folder.files["all.yml"] = "name: [";
  CHECK(folder.read() == "blog shop");
  CHECK(folder.absent().empty());
  CHECK(folder.image("shop") == "acme/shop:1");
  CHECK_FALSE(folder.entry("shop").errors.empty());
}

TEST_CASE("one bad document of a file hurts none of the others") {
  Folder folder;
  folder.files["all.yml"] = app("blog") + "---\n" + app("shop");
  folder.read();
  folder.files["all.yml"] = app("blog", "2") + "---\n" + app("shop", "2") + "more: 1\n";
  CHECK(folder.read() == "blog shop; saved blog");
  CHECK(folder.image("blog") == "acme/blog:2");
  CHECK(folder.entry("blog").errors.empty());
  CHECK(folder.image("shop") == "acme/shop:1");
  CHECK_FALSE(folder.entry("shop").errors.empty());
}

TEST_CASE("an unreadable file speaks for the apps that it held") {
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  folder.read();
  folder.files.clear();
  folder.unreadable["blog.yml"] = "permission denied";
  CHECK(folder.read() == "blog");
  CHECK(folder.absent().empty());
  CHECK(folder.entry("blog").errors.front().text() == "blog.yml: permission denied");
  CHECK_FALSE(folder.catalog.held("blog").empty());
}

TEST_CASE("nobody takes over a name while its owner's file cannot be read") {
  for (const bool readable : {true, false}) {
    Folder folder;
    folder.files["m.yml"] = app("blog", "first");
    folder.read();
    folder.files = {{"a.yml", app("blog", "second")}, {"z.yml", app("blog", "third")}};
    if (readable) folder.files["m.yml"] = "name: [";
    if (!readable) folder.unreadable["m.yml"] = "permission denied";
    CHECK(folder.read() == "blog");
    CHECK(folder.image("blog") == "acme/blog:first");
    CHECK(folder.entry("blog").doubles == std::vector<std::string>{"a.yml", "z.yml"});
  }
}

TEST_CASE("a manifest that was never good is told as broken, and makes no app") {
  Folder folder;
  folder.files["blog.yml"] = "name: blog\n";
  CHECK(folder.read().empty());
  CHECK(folder.catalog.entries().empty());
  CHECK(folder.catalog.broken().count("blog.yml") == 1);
}

TEST_CASE("a missing or unreadable folder says nothing about any app") {
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  folder.read();
  FolderReading gone;
  gone.folder = "/m";
  gone.state = FolderReading::State::missing;
  CHECK(folder.catalog.read(gone).changed.empty());
  CHECK(folder.absent().empty());
  CHECK(folder.catalog.hold() == "the manifest folder /m is missing");
  gone.state = FolderReading::State::unreadable;
  gone.message = "input/output error";
  folder.catalog.read(gone);
  CHECK(folder.catalog.hold() == "the manifest folder /m cannot be read: input/output error");
  folder.read();
  CHECK(folder.catalog.hold().empty());
}

TEST_CASE("an empty folder, and one whose files say nothing, is an empty reading") {
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  folder.read();
  CHECK_FALSE(folder.catalog.empty_reading());
  folder.files.clear();
  folder.read();
  CHECK(folder.catalog.empty_reading());
  CHECK(folder.absent() == "blog ");
  folder.files = {{"other.yml", ""}, {"shop.yml", "# nothing yet\n"}};
  folder.read();
  CHECK(folder.catalog.empty_reading());
}

TEST_CASE("a manifest that was emptied is broken, and its app stays") {
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  folder.files["shop.yml"] = app("shop");
  folder.read();
  folder.files["blog.yml"] = "";
  folder.read();
  CHECK(folder.absent().empty());
  CHECK_FALSE(folder.catalog.held("blog").empty());
  CHECK(folder.entry("blog").errors.size() == 1);
}

TEST_CASE("many broken files are counted, three are named") {
  Folder folder;
  for (const char* path : {"a.yml", "b.yml", "c.yml", "d.yml"}) folder.files[path] = "name: [";
  folder.read();
  CHECK(folder.catalog.held("stray") ==
        "until all manifests can be read nothing is removed: a.yml, b.yml, c.yml and more");
}

TEST_CASE("a last good copy brings back the app, its file and its marks") {
  Folder folder;
  folder.files["team/blog.yml"] = "# ours\n" + app("blog") + "env:\n  A: \"1\"\n";
  folder.read();
  const std::string copy = encode_last_good(folder.entry("blog"));

  Folder later;
  later.catalog.restore({{"blog", copy}});
  CHECK(later.image("blog") == "acme/blog:1");
  CHECK(later.entry("blog").source == "team/blog.yml");
  CHECK(later.entry("blog").app->where("env.A") == "team/blog.yml:5");
  CHECK(later.entry("blog").app->env.at("A") == "1");
  CHECK(later.absent() == "blog ");
  CHECK(encode_last_good(later.entry("blog")) == copy);

  later.files = folder.files;
  CHECK(later.read().empty());
  CHECK(later.absent().empty());
}

TEST_CASE("after a restart a broken file still freezes the app on its last good copy") {
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  folder.read();
  Folder later;
  later.catalog.restore({{"blog", encode_last_good(folder.entry("blog"))}});
  later.files["blog.yml"] = "name: [";
  CHECK(later.read() == "blog");
  CHECK(later.image("blog") == "acme/blog:1");
  CHECK(later.absent().empty());
  CHECK_FALSE(later.entry("blog").errors.empty());
}

TEST_CASE("after a restart the first owner still owns the name") {
  Folder folder;
  folder.files["m.yml"] = app("blog", "first");
  folder.read();
  Folder later;
  later.catalog.restore({{"blog", encode_last_good(folder.entry("blog"))}});
  later.files = {{"a.yml", app("blog", "second")}, {"m.yml", app("blog", "first")}};
  later.read();
  CHECK(later.image("blog") == "acme/blog:first");
  CHECK(later.entry("blog").doubles == std::vector<std::string>{"a.yml"});
}

TEST_CASE("damaged copies are left out") {
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  folder.read();
  const std::string copy = encode_last_good(folder.entry("blog"));
  Catalog catalog;
  catalog.restore({{"a", ""},
                   {"b", "{}"},
                   {"c", "[1]"},
                   {"blog", copy.substr(0, copy.size() / 2)},
                   {"shop", copy}});
  CHECK(catalog.entries().empty());
}

TEST_CASE("files of other tools are ignored, and hold up no removals") {
  Folder folder;
  folder.files = {{"blog.yml", app("blog")}, {"shop.yml", app("shop")}};
  folder.read();
  folder.files = {{"blog.yml", app("blog")},
                  {"renovate.json", R"({"extends": ["config:base"]})"},
                  {"docker-compose.yml", "services:\n  web:\n    image: nginx\n"},
                  {"team/compose.prod.yaml", "name: stack\nservices: {}\n"},
                  {"README.yml", "{{ not yaml"}};
  folder.unreadable["package.json"] = "larger than 1024 KiB";
  folder.read();
  CHECK(folder.catalog.held("shop").empty());
  CHECK(folder.absent() == "shop ");
  CHECK(folder.catalog.ignored().size() == 5);
}

TEST_CASE("a manifest of ours is one whatever its file is called") {
  Folder folder;
  folder.files = {{"README.yml", app("blog")}};
  CHECK(folder.read() == "blog; saved blog");
  SUBCASE("it breaks: its app freezes") {
    folder.files["README.yml"] = "# nothing of the kind\nfoo: bar\n";
    folder.read();
    CHECK(folder.absent().empty());
    CHECK(!folder.catalog.held("blog").empty());
  }
  SUBCASE("one with a fault in it is told") {
    folder.files["compose.yml"] = "name: shop\nimage: acme/shop:1\nexpose: [{port: 0}]\n";
    folder.read();
    CHECK(folder.catalog.broken().count("compose.yml") == 1);
  }
}

TEST_CASE("what the ignore list names is as if it were not there") {
  Folder folder;
  folder.files = {{"blog.yml", app("blog")}, {"docs/example.yml", app("example")}};
  folder.read();
  folder.files[".fairleadignore"] = "docs/\n*.tpl.yml\n";
  folder.files["x.tpl.yml"] = "name: {{ name }}\n";
  folder.unreadable["docs/pipe.yml"] = "not a regular file";
  folder.read();
  CHECK(folder.catalog.held("example").empty());
  CHECK(folder.absent() == "example ");
  CHECK(folder.catalog.ignored().at("docs/example.yml") == "as docs/ (.fairleadignore:1) says");
  // Back again, as if nothing had been.
  folder.files.erase(".fairleadignore");
  folder.files.erase("x.tpl.yml");
  folder.unreadable.clear();
  folder.read();
  CHECK(folder.absent().empty());
}

TEST_CASE("an ignore list with a fault holds up removals") {
  Folder folder;
  folder.files = {{"blog.yml", app("blog")}, {".fairleadignore", "!blog.yml\n"}};
  folder.read();
  CHECK(folder.catalog.hold().find(".fairleadignore is broken") != std::string::npos);
  CHECK(folder.entry("blog").listed);
}

TEST_CASE("what the platform file ignores is no manifest either, from the next reading on") {
  Folder folder;
  folder.files = {{"blog.yml", app("blog")}, {"docs/shop.yml", app("shop")}};
  folder.read();
  CHECK(folder.catalog.read(folder.reading(), {{"docs/"}, "platform", {}, {}}).changed.empty());
  CHECK(folder.absent() == "shop ");
  CHECK(folder.catalog.ignored().at("docs/shop.yml") ==
        "as docs/ (folders.ignore of the platform file) says");
  folder.read();
  CHECK(folder.absent().empty());
}

TEST_CASE("a file that ended the daemon twice is not read, and stands for a broken one") {
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  folder.read();
  const std::string copy = encode_last_good(folder.entry("blog"));
  const std::string evil = app("blog", "2");
  const Suspect suspect = file_suspect("blog.yml", evil);

  Folder later;
  Quarantine quarantine;
  quarantine.restore(suspect.name, suspect.version + "\n" + suspect.version + "\n");
  later.catalog.leave_out(quarantine);
  later.catalog.restore({{"blog", copy}});
  later.files = {{"blog.yml", evil}, {"shop.yml", app("shop")}};
  later.read();
  CHECK(later.image("blog") == "acme/blog:1");
  CHECK(later.image("shop") == "acme/shop:1");
  CHECK(later.catalog.broken().at("blog.yml").front().message.find("ended itself 2 times") !=
        std::string::npos);
  CHECK_FALSE(later.catalog.held("blog").empty());
  later.files["blog.yml"] = evil + "# mended\n";
  later.read();
  CHECK(later.image("blog") == "acme/blog:2");
  CHECK(later.catalog.held("blog").empty());
}

TEST_CASE("since when a manifest is absent is kept in its last good copy, until it is back") {
  using std::chrono::seconds;
  Folder folder;
  folder.files["blog.yml"] = app("blog");
  CHECK(folder.catalog.read(folder.reading(), {}, seconds(100)).absent.empty());
  const std::string present = encode_last_good(folder.entry("blog"));
  const auto files = std::exchange(folder.files, {});
  CHECK(text(folder.catalog.read(folder.reading(), {}, seconds(200)).absent) == "blog");
  CHECK(folder.entry("blog").absent_since == Duration(seconds(200)));
  CHECK(folder.catalog.read(folder.reading(), {}, seconds(201)).absent.empty());

  Folder later;
  later.catalog.restore({{"blog", encode_last_good(folder.entry("blog"))}});
  CHECK(later.catalog.read(later.reading(), {}, seconds(300)).absent.empty());
  CHECK(later.entry("blog").absent_since == Duration(seconds(200)));
  later.files = files;
  CHECK(text(later.catalog.read(later.reading(), {}, seconds(400)).absent) == "blog");
  CHECK(encode_last_good(later.entry("blog")) == present);
}
