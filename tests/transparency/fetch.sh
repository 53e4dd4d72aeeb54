#!/usr/bin/env bash
# fetch.sh: fetches the original sources of Debian packages, for the tests in them that no package carries.
#
#     tests/transparency/fetch.sh FOLDER PACKAGE...
#
# apt-get does it, from the places this machine's apt is set up for and with its checks, but with lists of its own in FOLDER:
# the machine's setup stays as it is, and nobody must be root. A source is then in FOLDER/PACKAGE; one that is there is not
# fetched again. Exits 1, with a line for each, when some cannot be had.
set -euo pipefail

folder=$1
shift
mkdir -p "$folder"
folder=$(realpath "$folder")

wanted=()
for package; do [[ -e $folder/$package/.complete ]] || wanted+=("$package"); done
((${#wanted[@]})) || exit 0

apt=$folder/apt
log=$folder/apt.log
rm -rf "$apt"
mkdir -p "$apt"/{parts,lists/partial,cache/archives/partial}
cat >"$apt/apt.conf" <<END
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$apt/parts";
Dir::State::Lists "$apt/lists";
Dir::Cache "$apt/cache";
APT::Sandbox::User "$(id -un)";
END
# What this machine takes packages from, as places of sources.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [[ -s $list ]] || continue
    sed -n 's/^deb[[:space:]]/deb-src /p' "$list" >"$apt/parts/$(basename "$list" .list).list"
done
for list in /etc/apt/sources.list.d/*.sources; do
    [[ -s $list ]] || continue
    sed 's/^Types:.*/Types: deb-src/' "$list" >"$apt/parts/$(basename "$list")"
done
export APT_CONFIG=$apt/apt.conf
apt-get -q update >"$log" 2>&1 || : # one place that cannot be reached does not matter when another has the source

failed=0
for package in "${wanted[@]}"; do
    download=$folder/$package.download
    rm -rf "$download" "${folder:?}/$package"
    mkdir -p "$download" "$folder/$package"
    # The newest that is really there: a mirror may name one that it has not got yet. Only the tests in it matter.
    mapfile -t versions < <(apt-cache showsrc "$package" 2>>"$log" | sed -n 's/^Version: //p' | sort -rVu)
    for version in "${versions[@]}"; do
        (cd "$download" && apt-get -q source --download-only "$package=$version" >>"$log" 2>&1) || continue
        tars=("$download"/*.orig.tar.*)
        for tar in "${tars[@]}"; do
            [[ $tar == *.asc ]] || tar -xf "$tar" -C "$folder/$package" --strip-components=1 --no-same-owner
            break
        done
        touch "$folder/$package/.complete"
        break
    done
    rm -rf "$download"
    [[ -e $folder/$package/.complete ]] && continue
    failed=1
    echo "fetch.sh: the source package $package cannot be had (see $log)" >&2
done
rm -rf "$apt"
exit "$failed"
