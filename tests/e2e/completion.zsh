# completion.zsh SCRIPT LINE: what zsh proposes at the end of the line, one a line, for completion.sh. An interactive zsh on a
# terminal of its own completes it; what it would show is taken where it gets it, from compadd.
zmodload zsh/zpty
script=$1 line=$2 said=$(mktemp)

zpty inner zsh -f -i
zpty -w inner "
    PS1= ; unsetopt zle_bracketed_paste ; stty -echo
    fpath=(${(q)${script:h}} \$fpath)
    autoload -U compinit && compinit -u -D
    autoload -U _reqscope && compdef _reqscope reqscope
    compadd() {
        if (( ! \$@[(I)-[OAD]*] )); then
            local -a offered
            builtin compadd -A offered \"\$@\"
            print -rl -- \$offered >>${(q)said}
        fi
        builtin compadd \"\$@\"
    }
    propose() { _main_complete; print -r -- END >>${(q)said} }
    zle -C propose complete-word propose
    bindkey '^X' propose
    print -r -- READY >>${(q)said}"
until grep -q READY $said; do sleep 0.01; done
: >$said
zpty -n -w inner "$line"$'\x18'
until grep -q END $said; do sleep 0.01; done
zpty -d inner
grep -v '^END$' $said | sort -u
rm -f $said
