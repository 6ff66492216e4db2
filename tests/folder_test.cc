#include "reconciler/live/folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/temp_folder.h"

namespace fairlead::live {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;
using State = FolderReading::State;

const std::string kCommit = "0123456789abcdef0123456789abcdef01234567";
const std::string kOther = "fedcba9876543210fedcba9876543210fedcba98";

std::shared_ptr<const FolderReading> read(const std::string& folder) {
  return FolderReader({folder}).read(nullptr);
}

// "a.yml=text b.yml!error": the whole reading in one line.
std::string shown(const FolderReading& reading) {
  std::string out;
  for (const ManifestFile& file : reading.files) {
    out += (out.empty() ? "" : " ") + file.path;
    out += file.text ? "=" + *file.text : "!" + file.error;
  }
  return out;
}

TEST_CASE("manifests are found at any depth, by their endings, sorted by path") {
  TempFolder folder;
  folder.write("z.yml", "z");
  folder.write("team/deep/a.yaml", "a");
  folder.write("b.json", "{}");
  folder.write("README.md", "no");
  folder.write(".hidden.yml", "no");
  folder.write(".git/x.yml", "no");
  const auto reading = read(folder.path());
  CHECK(reading->state == State::ok);
  CHECK(shown(*reading) == "b.json={} team/deep/a.yaml=a z.yml=z");
}

TEST_CASE("of names with a leading dot the folder's ignore list alone is read") {
  TempFolder folder;
  folder.write("a.yml", "a");
  folder.write(".fairleadignore", "docs/");
  folder.write("team/.fairleadignore", "no");
  CHECK(shown(*read(folder.path())) == ".fairleadignore=docs/ a.yml=a");
}

TEST_CASE("with an ignore list that cannot be read the folder is unreadable") {
  TempFolder folder;
  folder.write("a.yml", "a");
  SUBCASE("no file") { REQUIRE(::mkfifo((folder / ".fairleadignore").c_str(), 0600) == 0); }
  SUBCASE("a link to nothing") { folder.link("nowhere", ".fairleadignore"); }
  const auto reading = read(folder.path());
  CHECK(reading->state == State::unreadable);
  CHECK(reading->message.find(".fairleadignore: ") != std::string::npos);
  CHECK(reading->files.empty());
}

TEST_CASE("a folder that is not there is missing, a file in its place unreadable") {
  TempFolder folder;
  folder.write("file", "");
  CHECK(read(folder / "nowhere")->state == State::missing);
  const auto reading = read(folder / "file");
  CHECK(reading->state == State::unreadable);
  CHECK(reading->message == folder / "file: Not a directory");
}

TEST_CASE("what is no regular file is an error of that file alone") {
  TempFolder folder;
  folder.write("good.yml", "good");
  REQUIRE(::mkfifo((folder / "fifo.yml").c_str(), 0600) == 0);
  folder.link("/dev/zero", "device.yml");
  folder.link("nowhere.yml", "dangling.yml");
  folder.link("loop.yml", "loop.yml");
  CHECK(shown(*read(folder.path())) ==
        "dangling.yml!a link to nothing device.yml!a link that leads out of the folder "
        "fifo.yml!not a regular file good.yml=good "
        "loop.yml!cannot be opened: Too many levels of symbolic links");
}

TEST_CASE("links that stay beneath the folder are followed, links that leave it are errors") {
  TempFolder outside;
  outside.write("secret.yml", "secret");
  TempFolder folder;
  folder.write("real/a.yml", "a");
  folder.link("real/a.yml", "inside.yml");
  folder.link(outside / "secret.yml", "absolute.yml");
  folder.link("../" + fs::path(outside.path()).filename().string() + "/secret.yml", "up.yml");
  folder.link(outside.path(), "folder");
  folder.link(outside / "secret.yml", "not-a-manifest");
  CHECK(
      shown(*read(folder.path())) ==
      "absolute.yml!a link that leads out of the folder folder!a link that leads out of the folder "
      "inside.yml=a real/a.yml=a up.yml!a link that leads out of the folder");
}

TEST_CASE("a linked folder is read once, under its own path, and a circle of links ends") {
  TempFolder folder;
  folder.write("b/real.yml", "x");
  folder.write(".store/hidden.yml", "y");
  folder.link("b", "a");
  folder.link("..", "b/up");
  folder.link(".store", "shown");
  CHECK(shown(*read(folder.path())) == "b/real.yml=x shown/hidden.yml=y");
}

TEST_CASE("a file larger than 1 MiB is an error of that file alone") {
  TempFolder folder;
  folder.write("big.yml", std::string((1u << 20) + 1, 'x'));
  folder.write("full.yml", std::string(1u << 20, 'x'));
  const auto reading = read(folder.path());
  REQUIRE(reading->files.size() == 2);
  CHECK(reading->files[0].error == "larger than 1024 KiB");
  CHECK(reading->files[1].text->size() == 1u << 20);
}

TEST_CASE("a folder deeper than 32 levels is an error entry, not silence") {
  TempFolder folder;
  std::string path;
  for (int depth = 0; depth < 33; ++depth) path += "d/";
  folder.write(path + "x.yml", "x");
  folder.write(path.substr(2) + "y.yml", "y");
  const auto reading = read(folder.path());
  REQUIRE(reading->files.size() == 2);
  CHECK(reading->files[0].error == "deeper than 32 folders");
  CHECK(reading->files[1].path == path.substr(2) + "y.yml");
}

TEST_CASE("A23: too many manifests are an error of their first-level folder, never a short list") {
  const std::string error = "more than 10,000 manifests, 100,000 files or 64 MiB";
  TempFolder folder;
  folder.write("top.yml", "t");
  folder.write("team-b/deep/shop.yml", "s");
  SUBCASE("in a folder") {
    for (int i = 0; i <= 10'000; ++i) folder.write("team-a/" + std::to_string(i) + ".yml", "");
    CHECK(shown(*read(folder.path())) == "team-a!" + error + " team-b/deep/shop.yml=s top.yml=t");
  }
  SUBCASE("in folders below it") {
    for (int i = 0; i <= 10'000; ++i) {
      folder.write("team-a/" + std::to_string(i % 7) + "/" + std::to_string(i) + ".yml", "");
    }
    CHECK(shown(*read(folder.path())) == "team-a!" + error + " team-b/deep/shop.yml=s top.yml=t");
  }
  SUBCASE("in none: an ignore file counts all the same") {
    folder.write(".fairleadignore", "i");
    for (int i = 0; i < 10'000; ++i) folder.write(std::to_string(i) + ".yml", "");
    CHECK(shown(*read(folder.path())) ==
          ".!" + error + " .fairleadignore=i team-b/deep/shop.yml=s");
  }
}

TEST_CASE("A23: too many bytes are an error of their first-level folder") {
  TempFolder folder;
  folder.write("team-b/shop.yml", "s");
  const std::string text(1 << 20, '#');
  for (int i = 0; i <= 64; ++i) folder.write("team-a/" + std::to_string(i) + ".yml", text);
  CHECK(shown(*read(folder.path())) ==
        "team-a!more than 10,000 manifests, 100,000 files or 64 MiB team-b/shop.yml=s");
}

TEST_CASE("an unreadable subfolder is an error entry with its path") {
  if (::geteuid() == 0) {
    // Root reads everything: take the right away for this thread's file access.
    REQUIRE(::seteuid(65534) == 0);
  }
  {
    TempFolder folder;
    folder.write("team/a.yml", "a");
    folder.write("b.yml", "b");
    REQUIRE(::chmod((folder / "team").c_str(), 0) == 0);
    CHECK(shown(*read(folder.path())) == "b.yml=b team!cannot be listed: Permission denied");
    CHECK(::chmod((folder / "team").c_str(), 0700) == 0);
    CHECK(::chmod(folder.path().c_str(), 0) == 0);
    CHECK(read(folder.path())->state == State::unreadable);
    CHECK(::chmod(folder.path().c_str(), 0700) == 0);
  }
  if (::getuid() == 0) REQUIRE(::seteuid(0) == 0);
}

TEST_CASE("unchanged files keep their text, changed ones get a new one") {
  TempFolder folder;
  folder.write("a.yml", "one");
  folder.write("b.yml", "two");
  FolderReader reader({folder.path()});
  // Only files whose change is some time ago are trusted unread, and nobody can set that time.
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  const auto first = reader.read(nullptr);
  const auto second = reader.read(nullptr);
  CHECK(second->files[0].text == first->files[0].text);
  CHECK(same_reading(*first, *second));
  folder.write("a.yml", "six");
  const auto third = reader.read(nullptr);
  CHECK(*third->files[0].text == "six");
  CHECK(third->files[1].text == first->files[1].text);
  CHECK_FALSE(same_reading(*second, *third));
}

TEST_CASE("two writes of one size in one tick of the clock are both seen") {
  TempFolder folder;
  FolderReader reader({folder.path()});
  for (int i = 0; i < 200; ++i) {
    folder.write("a.yml", std::to_string(1000 + i));
    CHECK(*reader.read(nullptr)->files[0].text == std::to_string(1000 + i));
  }
}

TEST_CASE("a root that is re-pointed while it is read is never mixed or short") {
  TempFolder folder;
  for (const std::string version : {"v1", "v2"})
    for (int i = 0; i < 50; ++i) folder.write(version + "/f" + std::to_string(i) + ".yml", version);
  folder.link("v1", "current");
  std::atomic<bool> end{false};
  std::thread flipper([&] {
    for (int i = 0; !end; ++i) {
      folder.flip(i % 2 == 0 ? "v2" : "v1", "current");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  FolderReader reader({folder / "current"});
  for (int i = 0; i < 200; ++i) {
    const auto reading = reader.read(nullptr);
    if (reading->state != State::ok) continue;
    REQUIRE(reading->files.size() == 50);
    for (const ManifestFile& file : reading->files) REQUIRE(*file.text == *reading->files[0].text);
  }
  end = true;
  flipper.join();
}

TEST_CASE("a root that is removed while it is read is missing, never an empty list") {
  TempFolder folder;
  FolderReader reader({folder / "root"});
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 30; ++i) folder.write("root/f" + std::to_string(i) + ".yml", "x");
    fs::rename(folder / "root", folder / "away");
    std::thread mover([&] {
      fs::rename(folder / "away", folder / "root");
      fs::rename(folder / "root", folder / "away");
    });
    const auto reading = reader.read(nullptr);
    mover.join();
    if (reading->state == State::ok) CHECK(reading->files.size() == 30);
    fs::remove_all(folder / "away");
  }
}

TEST_CASE("the secrets are the files of their folder as they are, without those too large") {
  TempFolder folder;
  folder.write("secrets/api-key", "s3cret\n");
  folder.write("secrets/team/key", std::string("\0x", 2));
  folder.write("secrets/huge", std::string((64u << 10) + 1, 'x'));
  folder.link("/etc/hostname", "secrets/stolen");
  const auto reading = FolderReader({folder / "manifests", folder / "secrets"}).read(nullptr);
  CHECK(reading->state == State::missing);
  REQUIRE(reading->secrets.size() == 2);
  CHECK(reading->secrets.at("api-key").reveal() == "s3cret\n");
  CHECK(reading->secrets.at("team/key").reveal() == std::string("\0x", 2));
}

TEST_CASE("certificates are the files of their endings, the operator's and the client's apart") {
  TempFolder folder;
  folder.write("own/a.example.org.crt", "a");
  folder.write("own/a.example.org.key", "key");
  folder.write("own/a.example.org.pem", "both");
  folder.write("own/a.example.org.crt.bak", "no");
  folder.write("own/.hidden.crt", "no");
  folder.write("own/below/b.example.org.crt", "no");
  folder.write("own/full.crt", std::string(256u << 10, 'x'));
  folder.write("own/huge.crt", std::string((256u << 10) + 1, 'x'));
  folder.write("got/a.example.org.crt", "other");
  folder.write("got/a.example.org.issuer.crt", "no");
  folder.write("got/a.example.org.json", "no");
  const auto reading =
      FolderReader({folder / "m", "", folder / "own", folder / "got"}).read(nullptr);
  std::string names;
  for (const auto& [name, content] : reading->certificates) names += name + " ";
  CHECK(names ==
        "a.example.org.crt a.example.org.key a.example.org.pem acme/a.example.org.crt full.crt ");
  CHECK(reading->certificates.at("a.example.org.crt").reveal() == "a");
  CHECK(reading->certificates.at("acme/a.example.org.crt").reveal() == "other");
  CHECK(reading->state == State::missing);
  CHECK(FolderReader({folder / "m", "", folder / "no", ""}).read(nullptr)->certificates.empty());
}

TEST_CASE("certificate files may be links that lead anywhere, but to nothing else than files") {
  TempFolder elsewhere;
  elsewhere.write("archive/fullchain1.pem", "chain");
  elsewhere.write("below/c.example.org.crt", "no");
  fs::create_directories(elsewhere / "live");
  elsewhere.link("../archive/fullchain1.pem", "live/fullchain.pem");
  TempFolder folder;
  fs::create_directories(folder / "own");
  folder.link(elsewhere / "live/fullchain.pem", "own/a.example.org.crt");
  folder.link(elsewhere / "nowhere.pem", "own/a.example.org.key");
  folder.link(elsewhere / "below", "own/linked");
  folder.link("/dev/zero", "own/endless.crt");
  REQUIRE(::mkfifo((folder / "own/waits.crt").c_str(), 0600) == 0);
  const auto reading = FolderReader({folder / "m", "", folder / "own"}).read(nullptr);
  REQUIRE(reading->certificates.size() == 1);
  CHECK(reading->certificates.at("a.example.org.crt").reveal() == "chain");
}

TEST_CASE("the revision is that of HEAD, its branch's file or packed-refs") {
  TempFolder folder;
  folder.write("repo/manifests/a.yml", "a");
  const auto revision = [&] { return read(folder / "repo/manifests")->revision; };
  CHECK(revision().empty());
  folder.write("repo/.git/HEAD", kCommit + "\n");
  CHECK(revision() == kCommit);
  folder.write("repo/.git/HEAD", "ref: refs/heads/main\n");
  CHECK(revision().empty());
  folder.write("repo/.git/packed-refs", "# pack-refs\n" + kOther + " refs/heads/main\n");
  CHECK(revision() == kOther);
  folder.write("repo/.git/refs/heads/main", kCommit + "\n");
  CHECK(revision() == kCommit);
  folder.write("repo/.git/HEAD", "ref: ../../../etc/passwd\n");
  CHECK(revision().empty());
}

TEST_CASE("the revision of a linked worktree is found, even where its repository is out of sight") {
  TempFolder folder;
  folder.write(".git/worktrees/" + kCommit + "/HEAD", kCommit + "\n");
  folder.write(".git/worktrees/" + kCommit + "/commondir", "../..\n");
  folder.write("worktrees/" + kCommit + "/.git", "gitdir: ../../.git/worktrees/" + kCommit + "\n");
  folder.write("worktrees/" + kCommit + "/apps/a.yml", "a");
  folder.link("worktrees/" + kCommit, "current");
  CHECK(read(folder / "current/apps")->revision == kCommit);
  folder.write(".git/worktrees/" + kCommit + "/HEAD", "ref: refs/heads/main\n");
  folder.write(".git/refs/heads/main", kOther + "\n");
  CHECK(read(folder / "current/apps")->revision == kOther);
  fs::remove_all(folder / ".git");
  CHECK(read(folder / "current/apps")->revision == kCommit);
}

}  // namespace
}  // namespace fairlead::live
