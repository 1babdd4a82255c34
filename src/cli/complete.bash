# Completion of alertctl in bash.
_alertctl() {
    local words=() index=0 i word joined=false
    # Bash splits words at `=` and `:`; alertctl does not.
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 1)) && { $joined || [[ $word == [=:] ]]; }; then
            words[${#words[@]} - 1]+=$word
            [[ $word == [=:] ]] && joined=true || joined=false
        else
            words+=("$word")
            joined=false
        fi
        ((i == COMP_CWORD)) && index=$((${#words[@]} - 1))
    done
    local current=${words[index]}
    # What stands before the last of these stays as it is.
    local kept=
    [[ $current == *[=:]* ]] && kept=${current%"${current##*[=:]}"}
    local IFS=$'\013'
    COMPREPLY=($(_CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX=$index VARIABLE=bash "$1" -- "${words[@]}" 2>/dev/null)) || {
        COMPREPLY=()
        return
    }
    if [[ -z $current ]] && ((${#COMPREPLY[@]} > 0)); then
        # Flags are many: they are offered once a `-` is typed, or where there is nothing else.
        local others=()
        for word in "${COMPREPLY[@]}"; do
            [[ $word == -?* ]] || others+=("$word")
        done
        ((${#others[@]} > 0)) && COMPREPLY=("${others[@]}")
    fi
    for i in "${!COMPREPLY[@]}"; do
        word=${COMPREPLY[i]#"$kept"}
        [[ $word == *[!A-Za-z0-9_./:=,@%+~-]* ]] && printf -v word %q "$word"
        COMPREPLY[i]=$word
    done
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=/:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -F _alertctl alertctl
